#!/bin/sh
# Starts nginx in front of the processes of the app that REPLICAS names.
#
#   REPLICAS="10.9.0.11:8501 10.9.0.12:8501" LISTEN=8080 sh deploy/balancer.sh FOLDER
#
# What one address may do: hold CONNECTIONS open, and ask REQUESTS times a second, or BURST times
# at once.  PROXY, if set, is the address or network of a proxy in front, which tells in
# X-Forwarded-For whose address that is.
# Addresses are numbers, not names: free nginx asks for names only once, when it starts.
# FOLDER, an empty one or a tmpfs, takes what nginx writes.
set -eu
folder=$1
here=$(dirname "$0")

# A group of processes by a name; where a second argument names one, the others stand in for it.
upstream() {
    echo "upstream $1 {"
    echo "    zone $1 128k;"
    echo "    least_conn;"
    for address in $REPLICAS; do
        if [ "${2:-$address}" = "$address" ]; then role=; else role=" backup"; fi
        echo "    server $address max_fails=1 fail_timeout=5s$role;"
    done
    echo "}"
}

numbered() {
    number=0
    for address in $REPLICAS; do
        number=$((number + 1))
        echo "$number $address"
    done
}

{
    upstream anyone
    upstream newcomers
    numbered | while read -r number address; do upstream "seat$number" "$address"; done

    # Numbers that exist and no others: a cookie that a visitor made up counts as none.
    echo 'map $cookie_seat $seat {'
    echo '    default anyone;'
    numbered | while read -r number address; do echo "    $number seat$number;"; done
    echo '}'

    # After a retry $upstream_addr lists all that were asked; the last one answered.
    echo 'map $upstream_addr $seat_taken {'
    numbered | while read -r number address; do
        echo "    \"~(^|[ ,])$(echo "$address" | sed 's/[].[]/\\&/g')\$\" $number;"
    done
    echo '}'
} >"$folder/replicas.conf"

{
    echo "limit_conn connections ${CONNECTIONS:-1000};"
    echo "limit_req_zone \$binary_remote_addr zone=requests:4m rate=${REQUESTS:-200}r/s;"
    echo "limit_req zone=requests burst=${BURST:-8000} nodelay;"
    echo "limit_req_zone \$binary_remote_addr zone=uploads:4m rate=10r/s;"
    if [ -n "${PROXY:-}" ]; then
        echo "set_real_ip_from $PROXY;"
        echo "real_ip_header X-Forwarded-For;"
    fi
} >"$folder/limits.conf"

sed "s/listen 8080;/listen ${LISTEN:-8080};/" "$here/nginx.conf" >"$folder/nginx.conf"
exec nginx -e stderr -p "$folder/" -c "$folder/nginx.conf" -g 'daemon off;'
