#!/usr/bin/env bash
# Can magudi log in at a hub behind a real Apache with a real Kerberos realm: by certificate, as Koji configures its web server and in
# the handshake, by key table and by credential cache? And does it say what is wrong when it cannot?
#
# usage: auth-apache.sh MAGUDI
#
# Needs Apache with mod_auth_gssapi, MIT Kerberos's KDC, and what the features `native-tls` and `gssapi` are built with; as root on
# Debian it installs what is missing. Everything listens on loopback only.
set -euo pipefail

. "$(dirname "$0")/lib/common.bash"

# What is missing is installed, and magudi is built with the features, before the surroundings are changed.
PATH=$PATH:/usr/sbin:/sbin
modules=/usr/lib/apache2/modules
packages=(apache2 libapache2-mod-auth-gssapi krb5-kdc krb5-admin-server krb5-user libkrb5-dev libclang-dev libssl-dev pkg-config openssl curl)
is_complete() {
    [ -e "$modules/mod_auth_gssapi.so" ] && command -v apache2 krb5kdc kadmin.local kinit openssl pkg-config curl >/dev/null &&
        pkg-config --exists mit-krb5-gssapi openssl && compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null
}
is_complete || install "${packages[@]}"
is_complete || fail "these packages do not bring what is needed: ${packages[*]}"

# The build shares the target directory with the usual one, for the sake of time; that one's program is put back in its place.
plain=$(realpath -- "${1:?usage: auth-apache.sh MAGUDI}")
saved=$(mktemp -d)
trap 'rm -rf -- "$saved"' EXIT
cp -p -- "$plain" "$saved/plain"
built=$(cargo build --quiet --locked --manifest-path "$repository/Cargo.toml" --package magudi --features native-tls,gssapi \
    --message-format json | sed -n 's/.*"executable":"\([^"]*\/magudi\)".*/\1/p')
cp -p -- "$built" "$saved/magudi"
cmp -s -- "$plain" "$saved/plain" || { cp -p -- "$saved/plain" "$plain.new" && mv -f -- "$plain.new" "$plain"; }

servers=()
begin "$saved/magudi"
stop_all() {
    local server
    for server in ${servers[@]+"${servers[@]}"}; do
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    clean_up
    rm -rf -- "$saved"
}
trap stop_all EXIT
unset KRB5CCNAME KRB5_CONFIG KRB5_KDC_PROFILE KRB5_CLIENT_KTNAME REQUESTS_CA_BUNDLE CURL_CA_BUNDLE no_proxy NO_PROXY
# Apache's children are another user.
chmod 755 "$work"

# free_ports NUMBER: ports that nothing listens on.
free_ports() {
    python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PYTHON
}
read -r kdc_port other_kdc_port shipped handshake modern tickets wrong_key <<<"$(free_ports 7)"

# --- Certificates -----------------------------------------------------------------------------------------------------------------

# authority NAME; signed AUTHORITY NAME CN EXTENSIONS DAYS: NAME.crt and NAME.key.
authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/CN=$1" -days 2 \
        -addext basicConstraints=critical,CA:TRUE 2>openssl.log || fail "openssl req" openssl.log
}
signed() {
    openssl req -new -newkey rsa:2048 -nodes -keyout "$2.key" -out "$2.csr" -subj "/C=US/O=Lab/CN=$3" 2>openssl.log &&
        openssl x509 -req -in "$2.csr" -CA "$1.crt" -CAkey "$1.key" -CAcreateserial -extfile <(echo "$4") -days "$5" -out "$2.crt" \
            2>openssl.log || fail "openssl x509" openssl.log
}
for name in server-ca client-ca foreign-ca; do
    authority $name
done
signed server-ca server localhost 'subjectAltName=DNS:localhost' 2
for who in compose stranger; do
    signed client-ca $who $who 'extendedKeyUsage=clientAuth' 2
done
signed client-ca expired compose 'extendedKeyUsage=clientAuth' -1
signed foreign-ca foreign compose 'extendedKeyUsage=clientAuth' 2
for who in compose stranger expired foreign; do
    cat $who.crt $who.key >$who.pem
done
openssl rsa -in compose.key -traditional -out compose.pkcs1 2>openssl.log
cat compose.crt compose.pkcs1 >pkcs1.pem

# --- Kerberos ---------------------------------------------------------------------------------------------------------------------

mkdir kdc
cat >krb5.conf <<EOS
[libdefaults]
    default_realm = MAGUDI.TEST
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    MAGUDI.TEST = {
        kdc = 127.0.0.1:$kdc_port
    }
    OTHER.TEST = {
        kdc = 127.0.0.1:$other_kdc_port
    }
[domain_realm]
    localhost = MAGUDI.TEST
EOS
cat >kdc.conf <<EOS
[kdcdefaults]
    kdc_listen = ""
[realms]
    MAGUDI.TEST = {
        kdc_listen = ""
        kdc_tcp_listen = 127.0.0.1:$kdc_port
        database_name = $work/kdc/magudi
        key_stash_file = $work/kdc/magudi.stash
    }
    OTHER.TEST = {
        kdc_listen = ""
        kdc_tcp_listen = 127.0.0.1:$other_kdc_port
        database_name = $work/kdc/other
        key_stash_file = $work/kdc/other.stash
    }
EOS
export KRB5_CONFIG=$work/krb5.conf KRB5_KDC_PROFILE=$work/kdc.conf
admin() {
    kadmin.local -r "$1" -q "$2" >>kadmin.log 2>&1
}
for realm in MAGUDI.TEST OTHER.TEST; do
    kdb5_util create -s -r $realm -P "$RANDOM$RANDOM" >>kadmin.log 2>&1 || fail "kdb5_util" kadmin.log
    admin $realm "addprinc -randkey compose"
    admin $realm "ktadd -k $work/compose-$realm.keytab compose"
done
admin MAGUDI.TEST "addprinc -randkey HTTP/localhost"
admin MAGUDI.TEST "ktadd -k $work/http.keytab HTTP/localhost"
for who in stranger gone; do
    admin MAGUDI.TEST "addprinc -randkey $who"
    admin MAGUDI.TEST "ktadd -k $work/$who.keytab $who"
done
admin MAGUDI.TEST "delprinc -force gone"
# A web server whose key table is not the one that the KDC gives tickets for.
admin OTHER.TEST "addprinc -randkey HTTP/localhost"
printf 'addent -password -p HTTP/localhost@MAGUDI.TEST -k 2 -e aes256-cts-hmac-sha1-96\nanother\nwkt wrong.keytab\n' |
    ktutil >>kadmin.log 2>&1
[ -s http.keytab ] && [ -s wrong.keytab ] || fail "key tables" kadmin.log
chmod 644 ./*.keytab
krb5kdc -n -r MAGUDI.TEST -r OTHER.TEST -P "$work/kdc.pid" >kdc.log 2>&1 &
servers+=($!)

# --- The hub and the web server ---------------------------------------------------------------------------------------------------

# Sessions expire after a few calls, so that every way to log in is also a way to renew.
echo '{"refuse_newcomers": true, "expire_sessions_after_calls": 2}' >scenario.json
start_hub "$work/devhub.conf" --trust-remote-user --scenario "$work/scenario.json" --topdir "$work/volume"
hub_root=${hub_url%/kojihub}

mkdir www
{
    for module in mpm_event authn_core authz_core authz_user headers proxy proxy_http socache_shmcb ssl auth_gssapi; do
        echo "LoadModule ${module}_module $modules/mod_$module.so"
    done
    cat <<EOS
ServerName localhost
ServerRoot $work/www
DocumentRoot $work/www
PidFile $work/www/apache.pid
ErrorLog $work/www/error.log
LogLevel warn ssl:info auth_gssapi:info
LogFormat "%m %U %>s" short
CustomLog $work/www/access.log short
User www-data
Group www-data
Mutex file:$work/www default
SSLSessionCache none
# Nobody but this server says who somebody is.
RequestHeader unset X-Remote-User early
ProxyPass /kojihub $hub_root/kojihub
ProxyPass /kojifiles $hub_root/kojifiles
EOS
    # host PORT PROTOCOLS; the lines of the virtual host come from stdin.
    host() {
        cat <<EOS
Listen 127.0.0.1:$1
<VirtualHost 127.0.0.1:$1>
    SSLEngine on
    SSLProtocol $2
    SSLCertificateFile $work/server.crt
    SSLCertificateKeyFile $work/server.key
    SSLCACertificateFile $work/client-ca.crt
    RequestHeader unset X-Remote-User early
$(cat)
</VirtualHost>
EOS
    }
    by_certificate='SSLOptions +StdEnvVars
        RequestHeader set X-Remote-User "%{SSL_CLIENT_S_DN_CN}s" "expr=-n %{SSL_CLIENT_S_DN_CN}"'
    # As Koji ships it: the location asks.
    for host in "$shipped all" "$modern TLSv1.3"; do
        host ${host% *} "${host#* }" <<EOS
    <Location /kojihub/ssllogin>
        SSLVerifyClient require
        SSLVerifyDepth 10
        $by_certificate
    </Location>
EOS
    done
    host "$handshake" all <<EOS
    SSLVerifyClient optional
    <Location /kojihub/ssllogin>
        $by_certificate
    </Location>
EOS
    for host in "$tickets http.keytab" "$wrong_key wrong.keytab"; do
        host ${host% *} all <<EOS
    <Location /kojihub/ssllogin>
        AuthType GSSAPI
        AuthName "GSSAPI Single Sign On Login"
        GssapiCredStore keytab:$work/${host#* }
        Require valid-user
        RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"
    </Location>
EOS
    done
} >apache.conf
apache2 -f "$work/apache.conf" -D FOREGROUND >apache.log 2>&1 &
servers+=($!)
for port in $shipped $handshake $modern $tickets $wrong_key $kdc_port $other_kdc_port; do
    tries=0
    until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -le 200 ] || { cat kdc.log apache.log www/error.log >all.log 2>&1; fail "nothing listens on $port" all.log; }
        sleep 0.05
    done
done

# --- Logins -----------------------------------------------------------------------------------------------------------------------

cp "$repository"/examples/minimal/* .
# Three images are three calls that write, and the session expires on the way.
python3 - <<'PYTHON'
import re
text = open("minimal.conf").read()
image = re.search(r"        \{\n.*?\n        \},\n", text, re.S).group()
more = [
    image.replace('"example-server",', f'"example-{name}", "subvariant": "{name}",') for name in ("Cloud", "Desktop")
]
open("minimal.conf", "w").write(text.replace(image, image + "".join(more)))
PYTHON

# profile NAME PORT [LINE...]
profile() {
    cat >"$1.conf" <<EOS
[devhub]
server = https://localhost:$2/kojihub
topurl = https://localhost:$2/kojifiles
topdir = $work/volume
weburl = http://localhost/koji
serverca = $work/server-ca.crt
max_retries = 1
retry_interval = 1
poll_interval = 1
EOS
    printf '%s\n' "${@:3}" >>"$1.conf"
}
runs=0
# run PROGRAM NAME: a compose with the profile.
run() {
    runs=$((runs + 1))
    mkdir "run-$runs"
    "$1" run --config minimal.conf --target-dir "run-$runs" --nightly --koji-config "$2.conf" --koji-profile devhub
}
# logs_in WHAT PROGRAM NAME: the whole compose succeeds, with more than one login.
logs_in() {
    local before
    before=$(logins)
    check_status "$1" 0 run "$2" "$3"
    check "$1: STATUS" grep -qx FINISHED run-$runs/latest-Example-1/STATUS
    check "$1: the session was renewed" test "$(logins)" -ge $((before + 2))
}
logins() {
    grep -c '^POST /kojihub/ssllogin 200$' www/access.log || true
}
# refused WHAT TEXT PROGRAM NAME: it fails, and says the text.
refused() {
    check_status "$1" 1 run "$3" "$4"
    check_text "$1" err "$2"
}
plain=$saved/plain

# By certificate, where the web server asks after the handshake, as Koji configures it, and in the handshake.
profile shipped "$shipped" 'authtype = ssl' "cert = $work/compose.pem"
profile pkcs1 "$shipped" 'authtype = ssl' "cert = $work/pkcs1.pem"
profile unset "$shipped" "cert = $work/compose.pem"
profile handshake "$handshake" 'authtype = ssl' "cert = $work/compose.pem"
profile modern "$modern" 'authtype = ssl' "cert = $work/compose.pem"
logs_in "certificate, asked for after the handshake" "$magudi" shipped
logs_in "certificate with a PKCS #1 key" "$magudi" pkcs1
logs_in "certificate, no authtype" "$magudi" unset
logs_in "certificate, asked for in the handshake" "$magudi" handshake
logs_in "certificate, asked for in the handshake, without the feature" "$plain" handshake
refused "certificate after the handshake, without the feature" 'takes a magudi built with the feature `native-tls`' "$plain" shipped
refused "certificate after a handshake of TLS 1.3" 'the web server must allow TLS 1.2, or ask in the handshake' "$magudi" modern

for where in shipped handshake; do
    for who in stranger expired foreign; do
        profile $who "${!where}" 'authtype = ssl' "cert = $work/$who.pem"
    done
    refused "unknown user, $where" 'Unknown user: stranger' "$magudi" stranger
    refused "expired certificate, $where" "refuses the client certificate $work/expired.pem: it has expired" "$magudi" expired
    refused "foreign CA, $where" "foreign.pem: the hub does not know the authority that signed it" "$magudi" foreign
done
refused "expired certificate without the feature" "refuses the client certificate $work/expired.pem: it has expired" "$plain" expired
refused "foreign CA without the feature" "foreign.pem: the hub does not know the authority that signed it" "$plain" foreign
sed "s|^serverca = .*|serverca = $work/foreign-ca.crt|" shipped.conf >untrusted.conf
refused "a server that is not the right one" 'certificate verify failed (unable to get local issuer certificate); see `serverca`' \
    "$magudi" untrusted
refused "a server that is not the right one, without the feature" 'UnknownIssuer; see `serverca`' "$plain" untrusted
sed 's|^authtype = .*|authtype = ssl|; /^cert = /d' shipped.conf >nothing.conf
refused "no certificate" 'has authtype ssl but no `cert`' "$magudi" nothing
profile asked "$tickets" 'authtype = ssl' "cert = $work/compose.pem"
refused "certificate where tickets are wanted" 'HTTP status 401' "$magudi" asked

# By key table. The user's own credential cache is not touched.
keytab() {
    profile "$1" "$2" 'authtype = kerberos' "principal = $3" "keytab = $work/$4.keytab"
}
keytab keytab "$tickets" compose@MAGUDI.TEST compose-MAGUDI.TEST
export KRB5CCNAME=FILE:$work/untouched
logs_in "key table" "$magudi" keytab
check "the user's credential cache is not touched" test ! -e untouched
refused "key table, without the feature" 'takes a magudi built with the feature `gssapi`' "$plain" keytab
keytab realm "$tickets" compose@OTHER.TEST compose-OTHER.TEST
refused "wrong realm" 'krbtgt/MAGUDI.TEST@OTHER.TEST not found in Kerberos database' "$magudi" realm
keytab stranger "$tickets" stranger@MAGUDI.TEST stranger
refused "user that the hub does not know" 'Unknown user: stranger@MAGUDI.TEST' "$magudi" stranger
keytab gone "$tickets" gone@MAGUDI.TEST gone
refused "user that the KDC does not know" "Client 'gone@MAGUDI.TEST' not found in Kerberos database" "$magudi" gone
keytab wrong "$tickets" gone@MAGUDI.TEST compose-MAGUDI.TEST
refused "key table of someone else" "no ticket with the keytab $work/compose-MAGUDI.TEST.keytab for gone@MAGUDI.TEST" "$magudi" wrong
keytab missing "$tickets" compose@MAGUDI.TEST missing
refused "no key table" "cannot read the keytab $work/missing.keytab: No such file" "$magudi" missing
keytab server "$wrong_key" compose@MAGUDI.TEST compose-MAGUDI.TEST
refused "web server with another key" 'the web server refuses the ticket' "$magudi" server
keytab elsewhere "$handshake" compose@MAGUDI.TEST compose-MAGUDI.TEST
refused "web server that does not ask" 'has not asked for a Kerberos ticket' "$magudi" elsewhere
keytab forbidden "$shipped" compose@MAGUDI.TEST compose-MAGUDI.TEST
refused "web server that wants a certificate" 'does not take a login by Kerberos (HTTP status 403)' "$magudi" forbidden

# By credential cache.
profile ccache "$tickets" 'authtype = kerberos'
profile chosen "$tickets"
refused "no credential cache" "no ticket in the credential cache FILE:$work/untouched" "$magudi" ccache
export KRB5CCNAME=FILE:$work/ccache
kinit -k -t compose-MAGUDI.TEST.keytab compose@MAGUDI.TEST
logs_in "credential cache" "$magudi" ccache
logs_in "credential cache, no authtype" "$magudi" chosen
export KRB5CCNAME=FILE:$work/other
kinit -k -t compose-OTHER.TEST.keytab compose@OTHER.TEST
refused "ticket of the wrong realm" 'krbtgt/MAGUDI.TEST@OTHER.TEST not found in Kerberos database' "$magudi" ccache
export KRB5CCNAME=FILE:$work/short
kinit -l 1s -k -t compose-MAGUDI.TEST.keytab compose@MAGUDI.TEST
sleep 2
refused "expired ticket" 'no ticket for the server: Ticket expired' "$magudi" ccache

# Whoever claims an identity in a header has none.
post() {
    curl --silent --show-error --cacert server-ca.crt --header 'X-Remote-User: compose' --data \
        '<?xml version="1.0"?><methodCall><methodName>sslLogin</methodName><params></params></methodCall>' \
        --header 'Content-Type: text/xml' "https://localhost:$1/$2"
}
for port in $shipped $handshake $tickets; do
    post "$port" kojihub >claimed
    check_text "a header that claims an identity" claimed 'could not verify client'
done
post "$handshake" kojihub/ssllogin >claimed
check_text "a header that claims an identity, at the login" claimed 'could not verify client'

# The hub goes away while tasks run, and its sessions with it; the web server answers 503. The patience for one call is a second.
hub_address=${hub_root#http://}
stop_hub() {
    kill "$hub"
    wait "$hub" || true
}
restart_hub() {
    "$magudi" hub --listen "$hub_address" --trust-remote-user --scenario slow.json --topdir "$work/volume" >hub.log 2>&1 </dev/null &
    hub=$!
    hubs+=("$hub")
    until (: <"/dev/tcp/${hub_address%:*}/${hub_address##*:}") 2>/dev/null; do
        kill -0 "$hub" 2>/dev/null || fail "the hub did not start again" hub.log
        sleep 0.05
    done
}
# begins OUT: a compose in the background, up to its last submission.
begins() {
    : >"$1"
    run "$magudi" restarted >"$1" 2>&1 &
    compose=$!
    until [ "$(grep -c '] Task ' "$1")" -eq 3 ]; do
        kill -0 "$compose" 2>/dev/null || fail "the compose ended early" "$1"
        sleep 0.05
    done
}
echo '{"refuse_newcomers": true, "task_seconds": 2}' >slow.json
keytab restarted "$tickets" compose@MAGUDI.TEST compose-MAGUDI.TEST
echo 'offline_retry_interval = 1' >>restarted.conf
stop_hub
restart_hub
runs=100
begins outage.log
stop_hub
sleep 5
restart_hub
check "a hub that comes back" wait "$compose"
check "a hub that comes back: STATUS" grep -qx FINISHED run-101/latest-Example-1/STATUS
runs=101
export MAGUDI_KOJI_OUTAGE=3
begins outage.log
stop_hub
status=0
wait "$compose" || status=$?
check "a hub that stays away" test "$status" -eq 1
check_text "a hub that stays away" outage.log 'HTTP status 503'
unset MAGUDI_KOJI_OUTAGE
restart_hub

# The KDC is away: that passes, so it is tried again before it is told.
kill "${servers[0]}"
wait "${servers[0]}" || true
unset KRB5CCNAME
refused "no KDC" "(2 attempts): Kerberos: no ticket" "$magudi" keytab
check_text "no KDC" err 'Cannot contact any KDC'

finish
