#!/bin/sh
# completion.sh - what clglu completion prints completes the command in real shells: bash, zsh and fish.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
clglu=$PWD/build/clglu
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/lib.sh
. tests/lib.sh

mkdir -p "$work/here/a folder" "$work/zsh"
touch "$work/here/x.npy" "$work/here/a b.npy" "$work/here/x.txt" "$work/here/old.json"
for shell in bash zsh fish; do good "completion $shell works" "$clglu" completion $shell && cp "$work/stdout" "$work/$shell.txt"; done
cp "$work/zsh.txt" "$work/zsh/_clglu"

# in_bash WORD...: what is offered for the last word, one a line
in_bash() {
    # shellcheck disable=SC2016
    (cd "$work/here" && bash -c 'source ../bash.txt; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _clglu
        [[ ! ${COMPREPLY[*]} ]] || printf "%s\n" "${COMPREPLY[@]}"' - "$@")
}

# offers WORDS WORD...: exactly these in bash, in any order; a word's spaces are written as _
offers() {
    wanted=$1
    shift
    offered=$(in_bash "$@" 2>&1 | tr ' ' _ | LC_ALL=C sort | tr '\n' ' ')
    holds "bash: $* -> $wanted" test "$offered" = "$wanted "
}

offers "sweep" clglu s
offers "zsh" clglu completion z
offers "gelu_quick gelu_tanh" clglu act --act gelu_
offers "bf16" clglu act --dtype = b
offers "bf16 f16 f32" clglu act --dtype =
offers "a_b.npy a_folder x.npy" clglu act -a ''
offers "a_folder" clglu export -o ''
offers "a_folder old.json" clglu sweep --compare old.json ''
offers "geglu,swiglu geglu,swiglu_oai" clglu train --variant geglu,sw
offers "gpu" clglu devices --device g
offers "--order --output" clglu ffn --o

# The options that --help says, for every command that it says.
for command in $("$clglu" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'); do
    says=$("$clglu" "$command" --help | awk '/^Options:/ { on = 1; next } /^$/ { on = 0 } on && match($0, /--[a-z0-9-]+/) &&
        RSTART < 9 { print substr($0, RSTART, RLENGTH) }' | LC_ALL=C sort | tr '\n' ' ')
    offers "${says% }" clglu "$command" -
done

# Words that are not in the library's lists: the command must take each (and then miss the file).
for words in gate:--layout gate:--rounding ffn:--layout ffn:--order ffn:--route act:--dtype; do
    command=${words%:*} option=${words#*:}
    for word in $(in_bash clglu "$command" "$option" ''); do
        case $command in
        act) set -- --act gelu --a none.npy -o y.npy ;;
        gate) set -- --variant geglu --packed none.npy --layout act-first -o y.npy ;;
        ffn) set -- --weights none.safetensors --packed t --layout act-first --variant geglu --x none.npy -o y.npy ;;
        esac
        expect 4 "$command takes $option $word" "$clglu" "$command" "$@" "$option" "$word"
    done
done
for words in bench:--direction bench:--variant train:--variant export:--variant; do
    command=${words%:*} option=${words#*:}
    for word in $(in_bash clglu "$command" "$option" ''); do
        set --
        [ "$command" != export ] || set -- -o "$work/exported"
        expect 3 "$command takes $option $word" env OCL_ICD_VENDORS="$work/none" "$clglu" "$command" "$@" "$option" "$word"
    done
done

# fish says what it would offer for a line.
# shellcheck disable=SC2016
in_fish() { (cd "$work/here" && HOME=$work fish --no-config -c 'source ../fish.txt; complete -C $argv[1]' -- "$1" | cut -f 1); }
fish_offers() { [ "$(in_fish "$2" | LC_ALL=C sort | tr '\n' ' ')" = "$1 " ]; }
holds "fish: a command" fish_offers sweep 'clglu sw'
holds "fish: an activation" fish_offers "gelu_quick gelu_tanh" 'clglu act --act gelu_'
holds "fish: a list" fish_offers "geglu,swiglu geglu,swiglu_oai" 'clglu train --variant geglu,sw'
holds "fish: an option" fish_offers "--order --output" 'clglu ffn --o'
holds "fish: a word that is no option" fish_offers "zsh" 'clglu completion z'

# zsh on a terminal of its own: a line with a tab after it, and then what must come, here without end if it does not.
cat >"$work/ask.zsh" <<'END'
zmodload zsh/zpty
zpty -b shell "TERM=dumb zsh -f -i"
zpty -w shell "fpath=($1/zsh \$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' list-choices; cd $1/here; print READY\$((1 + 1))"
zpty -r -m shell seen '*READY2*'
while IFS= read -r line && read -r pattern; do
    zpty -n -w shell "$line"$'\t'
    zpty -r -m shell seen "*$pattern*" || exit 1
    print -r -- "$line"
    zpty -n -w shell $'\C-U'
done
END
zsh_cases() {
    cat <<'END'
clglu s
sweep
clglu act --act gelu_
gelu_quick*gelu_tanh
clglu train --variant geglu,sw
swiglu*swiglu_oai
clglu ffn --o
--order*--output
clglu act -a x
x.npy
clglu sweep --compare old.json o
old.json*old.json
END
}
zsh_cases | HOME=$work timeout 20 zsh -f "$work/ask.zsh" "$work" >"$work/answered" 2>&1
zsh_cases | sed -n 'p;n' >"$work/lines"
while IFS= read -r line; do holds "zsh: $line" grep -qxF "$line" "$work/answered"; done <"$work/lines"
tests_end
