#!/bin/sh
# Score one applicant with a product key:
#   ETRON_KEY=pk_… examples/score.sh credit-score '{"income": 8200, "age": 33}' mobile__sha256 6b1e40d7…
# The id is a hash, never a phone number. The same request id and body always get the same answer, so the id is made
# once and the call is repeated with it until the site answers.
set -eu
: "${ETRON_KEY:?Put the product key into ETRON_KEY}"
url="${ETRON_URL:-http://127.0.0.1:8000}"
product="${1:?Usage: score.sh PRODUCT FEATURES_JSON [ID_TYPE ID_HASH]}"
features="${2:-{\}}"
ids="{}"
[ $# -ge 4 ] && ids="{\"$3\": \"$4\"}"
request_id="${ETRON_REQUEST_ID:-sh-$(date +%s)-$$}"
curl --fail-with-body --silent --show-error --retry 5 --retry-connrefused \
  "$url/api/v1/products/$product/score" \
  -H "Authorization: Bearer $ETRON_KEY" \
  -H "Content-Type: application/json" \
  -d "{\"request_id\": \"$request_id\", \"ids\": $ids, \"features\": $features}"
echo
