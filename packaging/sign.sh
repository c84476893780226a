#!/usr/bin/env bash
# Signs what `npm run dist` has built for Windows, which only whoever has a certificate can do, and writes the sums anew:
#   CERTIFICATE=company.p12 PASSWORD_FILE=password.txt packaging/sign.sh dist/executables
# TIMESTAMP is the server of the time stamp; an empty one leaves it out (for a trial). Needs osslsigncode and zip, as in Debian.
# For macOS take unsigned/*-darwin-* to a Mac: codesign --force --options runtime --entitlements … -s IDENTITY FILE, then notarytool.
set -euo pipefail
folder=${1:?"which folder?"}
: "${CERTIFICATE:?"a PKCS#12 file"}" "${PASSWORD_FILE:?"a file with its password"}"
timestamp=${TIMESTAMP-http://timestamp.digicert.com}
cd "$folder"
shopt -s nullglob
programs=(sallyport-*-win-x64.exe)
[ ${#programs[@]} = 1 ] || { echo "There is not one program for Windows in $folder." >&2; exit 1; }
program=${programs[0]}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
osslsigncode sign -pkcs12 "$CERTIFICATE" -readpass "$PASSWORD_FILE" -h sha256 -n sallyport \
  ${timestamp:+-ts "$timestamp"} -in "$program" -out "$work/sallyport.exe"
(cd "$work" && zip -q -X "$OLDPWD/${program%.exe}.zip" sallyport.exe)
mv "$work/sallyport.exe" "$program"
find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS
echo "Signed $program. Its sum in the manifest of winget is another now: $(sha256sum "${program%.exe}.zip" | cut -d' ' -f1)"
