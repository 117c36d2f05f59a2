#!/bin/sh
# Sees to it that Debian packages are installed: tests/deps.sh PACKAGE...
# The Makefile calls it and holds the lists. Where it may not install (DEPS=no, a
# package build, no root and no sudo without a password) it says what to type and
# fails, but only if something is missing. Without dpkg it is silent: the compiler
# will say what it lacks.
set -eu

command -v dpkg-query >/dev/null 2>&1 || exit 0

# Names of installed packages and of what they provide (pkgconf is a pkg-config).
# shellcheck disable=SC2016 # the ${} are dpkg's
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}, ${Provides}\n' |
	sed -n 's/^installed //p' | tr ',' '\n' | awk '{ printf "%s ", $1 }')
missing=
for package; do
	case " $installed" in
	*" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

refuse()
{
	echo "missing packages:$missing" >&2
	echo "($1; to install them type:)" >&2
	echo "  sudo apt-get install --no-install-recommends$missing" >&2
	exit 1
}

[ "${DEPS:-}" != no ] || refuse "nothing is installed unasked"
[ -z "${DEB_BUILD_OPTIONS+set}${DESTDIR:-}" ] ||
	refuse "a package build installs nothing"
if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif sudo -n true 2>/dev/null; then
	sudo='sudo -n'
else
	refuse "no rights to install them"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt()
{
	# shellcheck disable=SC2086 # no sudo is no word
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1 </dev/null
}

echo "installing packages, once:$missing"
# shellcheck disable=SC2086 # the packages are words
if ! { apt-cache show $missing >/dev/null 2>&1 &&
	apt install --no-install-recommends $missing; } &&
	! { apt update && apt install --no-install-recommends $missing; }; then
	cat "$log" >&2
	refuse "apt-get failed, see above"
fi
