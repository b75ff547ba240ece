#!/usr/bin/env bash
# Mails how a run ended: [notify] command = ["samples/notify-mail.sh", "operator@example.org"]
# report.json comes on standard input, CRMSYNC_NOTIFY says why: failure, trouble or recovery. Needs jq and sendmail.
set -euo pipefail

to=${1:?the address to write to}
report=$(cat)
field() { jq -r "$1" <<<"$report"; }

{
    printf 'To: %s\n' "$to"
    printf 'Subject: crmsync %s: %s (exit code %s)\n' \
        "${CRMSYNC_NOTIFY:-run}" "$(field .run.outcome)" "$(field .run.exit_code)"
    printf 'Content-Type: text/plain; charset=utf-8\n\n'
    printf 'run %s on %s\n\n' "$(field .run.id)" "$(uname -n)"
    field '.failure // empty, .advice[]'
    field '.providers | to_entries[] | "\(.key): \(.value.acknowledged.create + .value.acknowledged.update) delivered, \(.value.refused) refused, \(.value.held) held, \(.value.deferred) waiting"'
    field '.reasons[:10][] | "\(.count) \(.provider // "input") \(.status) \(.code) \(.advice // "")"'
} | "${SENDMAIL:-/usr/sbin/sendmail}" -t
