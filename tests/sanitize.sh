#!/bin/sh
# sanitize.sh - the tests under AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer and valgrind, on PoCL:
# tests/sanitize.sh [both|asan|ubsan|tsan|valgrind|all] [quick]. both (without a kind): asan and ubsan in one build; all: both, tsan
# and valgrind; quick alone: the quick part of all.
# SPDX-License-Identifier: MIT

# Commands are made of words that are to be split.
# shellcheck disable=SC2086
set -u
cd "$(dirname "$0")/.." || exit 1
mode=normal kinds=both
for word; do
    case $word in
    quick) mode=quick ;;
    both | asan | ubsan | tsan | valgrind | all) kinds=$word ;;
    *) echo "usage: tests/sanitize.sh [both|asan|ubsan|tsan|valgrind|all] [quick]" >&2; exit 2 ;;
    esac
done
if [ $kinds = all ] || { [ $# -eq 1 ] && [ $mode = quick ]; }; then kinds="both tsan valgrind"; fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C
. tests/lib.sh
# check-long's scale would take days here.
unset CLGLU_DEVICE CLGLU_KERNELS CLGLU_TEST_SCALE

# One driver: what others keep when their loader closes them again cannot be told apart.
[ -n "${OCL_ICD_VENDORS:-}" ] || export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
# A small quarantine: some tests see that memory does not grow. Two frames of an allocation: see tests/leaks.txt. A status of their own.
export ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=2:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1:exitcode=99
export LSAN_OPTIONS=suppressions=tests/leaks.txt:print_suppressions=0:exitcode=99 TSAN_OPTIONS=exitcode=99
export CK_TIMEOUT_MULTIPLIER="${CK_TIMEOUT_MULTIPLIER:-15}"

# ---------------------------------------------------------------- builds

flags() {
    case $1 in
    both) echo "-fno-sanitize-recover=all -fsanitize=address,undefined" ;;
    asan) echo "-fsanitize=address" ;;
    ubsan) echo "-fno-sanitize-recover=all -fsanitize=undefined" ;;
    tsan) echo "-fsanitize=thread" ;;
    esac
}

# built KIND PROGRAM...: with what the kind needs, in a folder of its own
built() {
    made=$(flags "$1")
    shift
    for program; do set -- "$@" "$b/$program" && shift; done
    make -s --no-print-directory -j2 B=$b LATE=0 CFLAGS="-O1 -g -fno-omit-frame-pointer $made" VECTORISE=-O1 LDFLAGS="$made" "$@"
}

# Does the compiler have it?
has() {
    # shellcheck disable=SC2046
    echo 'int main(void) { return 0; }' | ${CC:-cc} $(flags "$1") -x c -o "$work/least" - >/dev/null 2>&1
}

# ---------------------------------------------------------------- programs

# A test that forks for each case would be searched for leaks as often.
# host [SUITE]: one, or all
host() { env CK_FORK=no ${1:+CK_RUN_SUITE=$1} $runs $b/test-host; }
device() { CK_RUN_SUITE=device_$1 $runs $b/test-device; }
same_bits() { $b/bits >"$work/now" && build/bits | diff - "$work/now"; }

# finds WORDS MISTAKE: the planted mistake ends the program badly, and those words are said of it
finds() {
    run $runs $b/planted "$2"
    if [ "$status" -ne 0 ] && grep -qE -e "$1" "$work/stderr"; then
        pass "a planted mistake is found: $2"
    else
        fail "a planted mistake is found: $2" "exit status $status"
    fi
}
nothing_planted() { good "... and where nothing is planted, nothing is found" $runs $b/planted none; }

memory_planted() {
    finds heap-buffer-overflow overflow
    finds 'LeakSanitizer: detected' leak
    finds 'LeakSanitizer: detected' callback
}

undefined_planted() {
    finds 'signed integer overflow' sum
    finds 'shift exponent' shift
    finds 'misaligned address' misaligned
}

suites() { for suite; do holds "the device's suite $suite" device "$suite"; done; }

# A bad file of weights, or one of numbers.
refused() {
    case $1 in
    *.npy) set -- "$1" act --act gelu --a "$1" ;;
    *) set -- "$1" ffn --weights "$1" --act gelu --wa w --x "$work/ffn/x.npy" ;;
    esac
    file=$1
    shift
    expect 4 "refused: ${file##*/}" $runs $b/clglu "$@" -o "$work/z.npy"
}

# The command, well and badly fed.
command_cases() {
    head -c 100 "$x" >"$work/short.npy"
    head -c 200 "$x" >"$work/cut.npy"
    good "clglu act" $runs $b/clglu act --act gelu --a "$x" -o "$work/y.npy" --check
    good "clglu gate" $runs $b/clglu gate --variant swiglu --a "$x" --b "$x" -o "$work/y.npy" --check
    for bad in short cut none; do expect 4 "a bad file: $bad" $runs $b/clglu act --act gelu --a "$work/$bad.npy" -o "$work/z.npy"; done
    expect 4 "weights that are none" $runs $b/clglu ffn --weights "$x" --variant swiglu --wa a --wb b --x "$x" -o "$work/z.npy"
    expect 2 "a bad option" $runs $b/clglu act --act gelu --nothing
    expect 3 "a device that is not there" $runs $b/clglu act --act gelu --a "$x" -o "$work/z.npy" -d 99:99
    good "clglu ffn" $runs $b/clglu ffn --weights "$work/ffn/f32.safetensors" --act gelu --wa wa --x "$work/ffn/x.npy" -o "$work/y.npy"
    [ $mode = normal ] || return 0
    for bad in "$work"/in/bad/* "$work"/ffn/bad/*; do refused "$bad"; done
    good "clglu verify --quick" $runs $b/clglu verify --quick --quiet
    good "clglu sweep --quick" $runs $b/clglu sweep --quick --quiet --json "$work/sweep.json"
}

# ---------------------------------------------------------------- the sanitizers

begin() {
    b=build/$1 runs=
    [ "$1" != both ] || b=build/sanitize
    has "$1" || {
        skip "$1" "the compiler lacks it"
        return 1
    }
    # The driver's and the command's caches stay for the next time.
    export POCL_CACHE_DIR="$PWD/$b/cache/pocl" CLGLU_CACHE="$PWD/$b/cache/clglu"
    mkdir -p "$POCL_CACHE_DIR" "$CLGLU_CACHE"
}

whole() {
    holds "$1: everything builds" built "$1" test-host test-device bits clglu planted
    holds "$1: the host's tests" host
    holds "$1: the bits are those of the build without" same_bits
    suites context kernels queues misuse ffn_create back_queues tune back_update
}

some() {
    holds "$1: the device's tests, the command and the planted mistakes build" built "$1" test-device clglu planted
    suites misuse context
}

memory() { # KIND
    begin "$1" || return 0
    if [ $mode = quick ]; then some "$1"; else whole "$1"; fi
    [ "$1" = ubsan ] || memory_planted
    [ "$1" = asan ] || undefined_planted
    nothing_planted
    command_cases
}

# gcc's older runtimes know not all the places where a kernel puts programs.
tsan() {
    begin tsan || return 0
    built tsan planted >/dev/null
    $b/planted none >/dev/null 2>&1 || runs="setarch -R"
    nothing_planted
    finds 'data race' race
    holds "tsan: the device's tests build" built tsan test-device
    if [ $mode = quick ]; then
        holds "tsan: 16 threads on one context" env CLGLU_TEST_SCALE=small CK_RUN_SUITE=device_threads $runs $b/test-device
        return 0
    fi
    suites threads queues ffn_queues back_queues
    holds "tsan: the host's tests build" built tsan test-host
    holds "tsan: the host's tests" host
}

# ---------------------------------------------------------------- valgrind

# A compiler under valgrind takes minutes for each program: first everything runs without, and leaves its programs in the caches. To be
# found there, both must be asked for the same: valgrind knows no AVX-512, so that the driver is told to do without, and the layer lets
# the device prefer narrow vectors; and arrays begin at the same places of a cache line, on which the choice of a kernel hangs.
aligned_malloc() {
    cat <<'END'
#include <stdlib.h>
#include <string.h>
enum { LINE = 64 };
void *malloc(size_t n) { return n > (size_t)-1 - LINE ? NULL : aligned_alloc(LINE, (n / LINE + 1) * LINE); }
void *calloc(size_t n, size_t m)
{
    void *p = m && n > (size_t)-1 / m ? NULL : malloc(n * m);
    return p ? memset(p, 0, n * m) : NULL;
}
END
}

prepare_valgrind() {
    b=build
    rm -rf build/valgrind
    mkdir -p build/valgrind/pocl build/valgrind/clglu
    ${CC:-cc} -shared -fPIC -o build/valgrind/facts.so tests/facts_layer.c || exit 1
    aligned_malloc | ${CC:-cc} -shared -fPIC -fno-builtin -x c -o build/valgrind/malloc.so - || exit 1
    export OPENCL_LAYERS="$PWD/build/valgrind/facts.so" FACTS_LAYER=narrow CLGLU_TEST_SCALE=small
    export POCL_CACHE_DIR="$PWD/build/valgrind/pocl" CLGLU_CACHE="$PWD/build/valgrind/clglu"
    ! grep -qw avx2 /proc/cpuinfo || export POCL_KERNELLIB_NAME=avx2
}

# twice SENTENCE COMMAND...: without, for the caches; then under valgrind
twice() {
    sentence=$1
    shift
    run env LD_PRELOAD="$PWD/build/valgrind/malloc.so" "$@"
    [ "$status" -eq 0 ] || {
        fail "$sentence" "without valgrind: exit status $status"
        return 0
    }
    holds "valgrind: $sentence" $under "$@"
}

valgrind_kind() {
    command -v valgrind >/dev/null || {
        skip valgrind "it is not installed (Debian: valgrind)"
        return 0
    }
    holds "the programs for valgrind build" make -s --no-print-directory build/clglu build/test-host build/test-device build/planted
    prepare_valgrind
    under="valgrind -q --alignment=64 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --suppressions=tests/valgrind.supp"
    under="$under --error-exitcode=99" runs=$under
    finds 'Invalid write' overflow
    finds 'depends on uninitialised' uninitialised
    finds 'definitely lost' leak
    twice "clglu act" $b/clglu act --act gelu --a "$x" -o "$work/y.npy"
    [ $mode = normal ] || return 0
    run $b/planted none
    nothing_planted
    finds 'definitely lost' callback
    for suite in job view dtype ffn_refuse backward_refuse; do
        holds "valgrind: the host's suite $suite" env CK_FORK=no CK_RUN_SUITE=$suite $under $b/test-host
    done
    for suite in misuse threads ffn_create ffn_misuse back_misuse; do
        twice "the device's suite $suite" env CK_RUN_SUITE=device_$suite $b/test-device
    done
    twice "clglu gate" $b/clglu gate --variant swiglu --a "$x" --b "$x" -o "$work/y.npy"
    twice "clglu verify --quick" $b/clglu verify --quick --quiet
}

tests_begin
mkdir "$work/in" "$work/ffn"
python3 tests/npy_cases.py write "$work/in" && python3 tests/safetensors_cases.py write "$work/ffn" || exit 1
x=$work/in/x-f32.npy
for kind in $kinds; do
    start=$(date +%s)
    case $kind in
    tsan) tsan ;;
    valgrind) valgrind_kind ;;
    *) memory "$kind" ;;
    esac
    printf '# %s: %d s\n' "$kind" $(($(date +%s) - start))
done
[ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || exit 77
tests_end
