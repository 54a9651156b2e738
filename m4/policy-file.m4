dnl SPDX-License-Identifier: LGPL-2.1-or-later

dnl P3P_POLICY_FILE
dnl
dnl The default of the setting pop3_policy_file. Neither dovecot-config nor the
dnl headers say where Dovecot's configuration is, but the prefix it was built
dnl with says it as far as one can know.
AC_DEFUN([P3P_POLICY_FILE], [
AC_ARG_WITH([policy-file],
	[AS_HELP_STRING([--with-policy-file=PATH],
		[default of the setting pop3_policy_file; default: pop3-policy.conf in SYSCONFDIR/dovecot, SYSCONFDIR being that of Dovecot's prefix unless --sysconfdir is given])],
	[AS_CASE([$withval],
		[/*], [policy_file=$withval],
		[AC_MSG_ERROR([--with-policy-file needs an absolute path])])],
	[AS_IF([test "x$sysconfdir" = 'x${prefix}/etc'],
		[AS_CASE([$dovecot_pkglibdir],
			[/usr/lib*], [p3p_sysconfdir=/etc],
			[*/lib*/dovecot], [p3p_sysconfdir=`echo "$dovecot_pkglibdir" | sed 's,/lib@<:@^/@:>@*/dovecot$,/etc,'`],
			[p3p_sysconfdir=$p3p_prefix/etc])],
		[p3p_sysconfdir=`prefix=$p3p_prefix; eval echo "$sysconfdir"`])
	 policy_file=$p3p_sysconfdir/dovecot/pop3-policy.conf])
AC_SUBST([policy_file])
dnl `doveadm pop3 check` asks it for the chain of passdbs.
p3p_bindir=`echo "$dovecot_pkglibdir" | sed 's,/lib@<:@^/@:>@*/dovecot$,/bin,'`
AC_PATH_PROG([DOVECONF], [doveconf], [$p3p_bindir/doveconf], [$p3p_bindir:$PATH])
])
