#!/bin/bash
# Every program of the machine that documented commands run on; its name says which one was asked for. Coinpipe's programs
# run for real. What is asked of the others is noted in $MACHINE/calls, and the test looks at it afterwards.
set -u
name=${0##*/}

# note WORD…: one line in the list of calls, written at once.
note() {
    local call
    printf -v call '%s\x1f' "$@"
    printf '%s\x1e' "$call" >> "$MACHINE/calls"
}

# Commands within the text of a page are not run.
if [ -n "${MACHINE_ONLY_NOTES:-}" ] && [ "$name" != sudo ]; then
    note "$name" "$@"
    exit
fi

case $name in
coinpipe | fetcher | transformer | loader | alerter)
    # The internet of the machine: an API that takes any key.
    [ -z "${CMC_API_KEY:-}" ] || export COINPIPE__FETCH__BASE_URL=$MACHINE_API
    # One that runs on: until it has nothing to do before the next snapshot, as if somebody pressed Ctrl-C then.
    if [ "$name" = coinpipe ] && [ $# -eq 0 ]; then
        log=$(mktemp "$MACHINE/log-XXXXXX")
        "$MACHINE_PROGRAMS/$name" 2> "$log" &
        until grep -q 'the next snapshot is due' "$log" || ! kill -0 $! 2> /dev/null; do sleep 0.05; done
        kill -TERM $!
        wait $!
        code=$?
        [ $code -eq 0 ] || cat "$log" >&2
    elif [ "$name" = coinpipe ]; then
        "$MACHINE_PROGRAMS/$name" "$@"
        code=$?
    else
        exec "$MACHINE_PROGRAMS/$name" "$@"
    fi
    # `a && b` does not end a script when a fails.
    [ $code -eq 0 ] || note FAILED "$name $* ended with $code"
    exit $code
    ;;
sudo)
    [ "$1" != -u ] || shift 2
    exec env "$@"
    ;;
cargo)
    if [ "$1" = run ]; then
        until [ "$1" = -- ]; do shift; done
        shift
        exec coinpipe "$@"
    fi
    [ "$*" != "xtask services up" ] || cat "$MACHINE/services"
    ;;
esac
note "$name" "$@"
