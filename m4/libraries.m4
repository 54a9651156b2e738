dnl SPDX-License-Identifier: LGPL-2.1-or-later

dnl P3P_LUA
dnl
dnl Requires liblua of the very version that Dovecot links: two Luas in one
dnl process share symbol names. Substitutes LUA_CFLAGS and LUA_LIBS, which the
dnl user may give instead of pkg-config; they are verified all the same.
AC_DEFUN([P3P_LUA], [
AC_MSG_CHECKING([which Lua Dovecot links])
lua_version=
for p3p_lib in "$dovecot_pkglibdir"/libdovecot-lua.so; do
	AS_IF([test -r "$p3p_lib"],
		[lua_version=`LC_ALL=C $READELF -d "$p3p_lib" 2>/dev/null |
			sed -n 's/.*NEEDED.*\@<:@liblua-\{0,1\}\(@<:@0-9@:>@\)\.\{0,1\}\(@<:@0-9@:>@\).*/\1.\2/p' |
			sed 1q`])
done
AS_IF([test -z "$lua_version"],
	[lua_version=`echo "$p3p_lua_libs" |
		sed -n 's/.*-llua-\{0,1\}\(@<:@0-9@:>@\)\.\{0,1\}\(@<:@0-9@:>@\).*/\1.\2/p'`])
AS_IF([test -z "$lua_version"],
	[lua_version=5.4
	 AC_MSG_RESULT([none; taking $lua_version])],
	[AC_MSG_RESULT([$lua_version])])
p3p_lua_nodot=`echo "$lua_version" | tr -d .`

AC_ARG_VAR([LUA_CFLAGS], [C compiler flags for Lua, overriding pkg-config])
AC_ARG_VAR([LUA_LIBS], [linker flags for Lua, overriding pkg-config])
AS_IF([test -z "$LUA_CFLAGS$LUA_LIBS"], [
	AC_MSG_CHECKING([for Lua $lua_version])
	p3p_lua_pc=
	p3p_lua_others=
	for p3p_pc in lua$lua_version lua-$lua_version lua$p3p_lua_nodot lua \
		      lua5.4 lua5.3 lua5.2 lua5.1; do
		p3p_found=`$PKG_CONFIG --modversion $p3p_pc 2>/dev/null` || continue
		AS_CASE([$p3p_found],
			[$lua_version|$lua_version.*],
				[test -n "$p3p_lua_pc" || p3p_lua_pc=$p3p_pc],
			[AS_CASE([" $p3p_lua_others "],
				[*" $p3p_found "*], [],
				[p3p_lua_others="$p3p_lua_others $p3p_found"])])
	done
	AS_IF([test -z "$p3p_lua_pc"],
		[AC_MSG_RESULT([no])
		 AS_IF([test -z "$p3p_lua_others"], [p3p_lua_others=" none"])
		 AC_MSG_ERROR([Dovecot links Lua $lua_version, so Lua $lua_version is needed (Debian: liblua$lua_version-dev); found:$p3p_lua_others])])
	AC_MSG_RESULT([$p3p_lua_pc])
	LUA_CFLAGS=`$PKG_CONFIG --cflags $p3p_lua_pc`
	LUA_LIBS=`$PKG_CONFIG --libs $p3p_lua_pc`
])

AC_MSG_CHECKING([whether lua.h is Lua $lua_version])
p3p_save_CPPFLAGS=$CPPFLAGS
p3p_save_LIBS=$LIBS
CPPFLAGS="$CPPFLAGS $LUA_CFLAGS"
LIBS="$LUA_LIBS $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <lua.h>
#include <lauxlib.h>
#if LUA_VERSION_NUM != ${p3p_lua_nodot%?} * 100 + ${p3p_lua_nodot#?}
#  error another version of Lua
#endif
]], [[lua_State *state = luaL_newstate(); lua_close(state);]])],
	[AC_MSG_RESULT([yes])],
	[AC_MSG_RESULT([no])
	 p3p_found=`printf '#include <lua.h>\nP3P LUA_VERSION_NUM\n' |
		$CC -E $CPPFLAGS - 2>/dev/null | sed -n 's/^P3P @<:@0-9@:>@/LUA_VERSION_NUM &/; s/P3P //p'`
	 AC_MSG_ERROR([Dovecot links Lua $lua_version, but LUA_CFLAGS="$LUA_CFLAGS" LUA_LIBS="$LUA_LIBS" give ${p3p_found:-no lua.h}; see config.log])])
CPPFLAGS=$p3p_save_CPPFLAGS
LIBS=$p3p_save_LIBS
])

dnl P3P_OPENSSL
dnl
dnl For the auth and doveadm modules only: the pop3 process loads no libcrypto.
AC_DEFUN([P3P_OPENSSL], [
PKG_CHECK_MODULES([CRYPTO], [libcrypto >= 1.1.1], [],
	[AC_MSG_ERROR([OpenSSL's libcrypto 1.1.1 or later is needed (Debian: libssl-dev)])])
])

dnl P3P_CHECK
dnl
dnl Only `make check` needs it.
AC_DEFUN([P3P_CHECK], [
PKG_CHECK_MODULES([CHECK], [check >= 0.12], [have_check=yes],
	[have_check="no (\`make check' needs Check; Debian: check)"])
AM_CONDITIONAL([HAVE_CHECK], [test "$have_check" = yes])
])
