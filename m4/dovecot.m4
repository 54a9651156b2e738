dnl SPDX-License-Identifier: LGPL-2.1-or-later
dnl
dnl P3P_DOVECOT_CONFIG_VALUE(VARIABLE)
dnl
dnl The value of a variable in dovecot-config, whose others must not become ours.
m4_define([P3P_DOVECOT_CONFIG_VALUE],
	[`. "$dovecot_config" >/dev/null && printf %s "$[]{$1}"`])

dnl P3P_DOVECOT
dnl
dnl Finds Dovecot by its dovecot-config, which is shell syntax. Dovecot's own
dnl macro looks in $prefix/lib/dovecot only, which misses the distributions.
dnl Substitutes DOVECOT_CPPFLAGS, the folders of modules and dovecot_dir; decides
dnl the conditionals DOVECOT_24 and PREINIT_PARAMETERS by what compiles.
AC_DEFUN([P3P_DOVECOT], [
AC_ARG_WITH([dovecot],
	[AS_HELP_STRING([--with-dovecot=DIR],
		[folder of dovecot-config, or the prefix that Dovecot was installed with])],
	[AS_CASE([$withval], [yes|no],
		[AC_MSG_ERROR([--with-dovecot needs a folder])])],
	[with_dovecot=])
AC_ARG_WITH([moduledir],
	[AS_HELP_STRING([--with-moduledir=DIR],
		[where to install the modules; default: where dovecot-config says that Dovecot keeps its own])],
	[AS_CASE([$withval], [yes|no],
		[AC_MSG_ERROR([--with-moduledir needs a folder])])],
	[with_moduledir=])

AC_MSG_CHECKING([for dovecot-config])
dnl $libdir is still '${exec_prefix}/lib' here.
p3p_prefix=$prefix
AS_IF([test "x$p3p_prefix" = xNONE], [p3p_prefix=$ac_default_prefix])
p3p_libdir=`prefix=$p3p_prefix; exec_prefix=$exec_prefix
	test "x$exec_prefix" = xNONE && exec_prefix=$prefix
	eval echo "$libdir"`
AS_IF([test -n "$with_dovecot"],
	[p3p_dirs="$with_dovecot $with_dovecot/lib/dovecot $with_dovecot/lib64/dovecot"],
	[p3p_dirs="$p3p_libdir/dovecot /usr/lib/dovecot /usr/lib64/dovecot /usr/local/lib/dovecot"])
dovecot_dir=
for p3p_dir in $p3p_dirs; do
	AS_IF([test -z "$dovecot_dir" && test -r "$p3p_dir/dovecot-config"],
		[dovecot_dir=$p3p_dir])
done
AS_IF([test -z "$dovecot_dir"],
	[AC_MSG_RESULT([no])
	 AC_MSG_ERROR([found no dovecot-config in: $p3p_dirs
Install Dovecot's development files (Debian: dovecot-dev), or say where they are by --with-dovecot=DIR.])])
dovecot_dir=`cd "$dovecot_dir" && pwd`
dovecot_config=$dovecot_dir/dovecot-config
AC_MSG_RESULT([$dovecot_config])
AC_SUBST([dovecot_dir])

dovecot_moduledir=P3P_DOVECOT_CONFIG_VALUE([dovecot_moduledir])
dovecot_pkglibdir=P3P_DOVECOT_CONFIG_VALUE([dovecot_pkglibdir])
p3p_include=P3P_DOVECOT_CONFIG_VALUE([LIBDOVECOT_INCLUDE])
p3p_lua_libs=P3P_DOVECOT_CONFIG_VALUE([DOVECOT_LUA_LIBS])
AS_IF([test -z "$dovecot_moduledir" || test -z "$p3p_include"],
	[AC_MSG_ERROR([$dovecot_config does not say where Dovecot's modules and headers are])])

dnl Dovecot's headers were not written for our warnings.
DOVECOT_CPPFLAGS=
for p3p_word in $p3p_include; do
	AS_CASE([$p3p_word],
		[-I*], [DOVECOT_CPPFLAGS="$DOVECOT_CPPFLAGS -isystem `echo "$p3p_word" | sed s/^-I//`"],
		[DOVECOT_CPPFLAGS="$DOVECOT_CPPFLAGS $p3p_word"])
done
AC_SUBST([DOVECOT_CPPFLAGS])

AS_IF([test -n "$with_moduledir"],
	[moduledir=$with_moduledir], [moduledir=$dovecot_moduledir])
AC_SUBST([moduledir])
AC_SUBST([auth_moduledir], ['${moduledir}/auth'])
AC_SUBST([login_moduledir], ['${moduledir}/login'])
AC_SUBST([doveadm_moduledir], ['${moduledir}/doveadm'])
AC_SUBST([script_moduledir], ['${moduledir}/pop3-policy'])
AC_SUBST([settings_moduledir], ['${moduledir}/settings'])

p3p_save_CPPFLAGS=$CPPFLAGS
CPPFLAGS="$CPPFLAGS -DHAVE_CONFIG_H $DOVECOT_CPPFLAGS"

AC_MSG_CHECKING([whether Dovecot's headers compile])
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include "lib.h"
#include "mail-user.h"
#include "mail-storage-private.h"
]], [[const char *abi = DOVECOT_ABI_VERSION; (void)abi;]])],
	[AC_MSG_RESULT([yes])],
	[AC_MSG_RESULT([no])
	 AC_MSG_ERROR([Dovecot's headers ($p3p_include) do not compile; see config.log])])

AC_MSG_CHECKING([how plugins read Dovecot's settings])
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include "lib.h"
#include "settings.h"
#include "mail-user.h"
struct probe_settings { pool_t pool; const char *value; };
static const struct setting_define defines[] = {
	SETTING_DEFINE_STRUCT_STR("probe", value, struct probe_settings),
	SETTING_DEFINE_LIST_END
};
static const struct probe_settings defaults = { .value = "" };
const struct setting_parser_info probe_info = {
	.name = "probe", .defines = defines, .defaults = &defaults,
	.struct_size = sizeof(struct probe_settings),
	.pool_offset1 = 1 + offsetof(struct probe_settings, pool),
};
]], [[
	struct mail_user *user = NULL;
	const struct probe_settings *set;
	const char *error;
	if (settings_get(user->event, &probe_info, 0, &set, &error) < 0)
		return 1;
	settings_free(set);
]])], [dovecot_flavour=2.4],
[AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include "lib.h"
#include "mail-user.h"
]], [[
	struct mail_user *user = NULL;
	const char *value = mail_user_plugin_getenv(user, "probe");
	return value == NULL ? 1 : 0;
]])], [dovecot_flavour=2.3], [dovecot_flavour=no])])
AC_MSG_RESULT([as in $dovecot_flavour])
AS_IF([test "$dovecot_flavour" = no],
	[AC_MSG_ERROR([this Dovecot has neither the settings of 2.3 nor those of 2.4; see config.log])])

dnl 2.4.3 tells passdbs more than 2.4.0 did; neither says which one it is.
p3p_save_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS -Werror"
AC_MSG_CHECKING([what Dovecot tells passdbs at their start])
p3p_preinit=none
for p3p_try in args event parameters; do
	AS_CASE([$p3p_try],
		[args], [p3p_prototype='struct passdb_module *probe(pool_t, const char *)'],
		[event], [p3p_prototype='int probe(pool_t, struct event *, struct passdb_module **, const char **)'],
		[parameters], [p3p_prototype='int probe(pool_t, struct event *, const struct passdb_parameters *, struct passdb_module **, const char **)'])
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include "lib.h"
#include "auth-common.h"
#include "auth-request.h"
#include "passdb.h"
extern $p3p_prototype;
]], [[struct passdb_module_interface iface = { .preinit = probe }; (void)iface;]])],
		[p3p_preinit=$p3p_try])
done
CFLAGS=$p3p_save_CFLAGS
AC_MSG_RESULT([$p3p_preinit])
AS_CASE([$dovecot_flavour:$p3p_preinit],
	[2.3:args|2.4:event|2.4:parameters], [],
	[AC_MSG_ERROR([passdbs of this Dovecot start in a way that is not known here; see config.log])])
AM_CONDITIONAL([PREINIT_PARAMETERS], [test "$p3p_preinit" = parameters])

CPPFLAGS=$p3p_save_CPPFLAGS
AM_CONDITIONAL([DOVECOT_24], [test "$dovecot_flavour" = 2.4])
])
