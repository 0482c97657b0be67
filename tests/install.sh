#!/bin/sh
# install.sh - make install puts everything in place; programs in C and C++ find it through pkg-config and CMake, shared and
# static, under paths with a space, moved, and without CLBlast; the README's examples and the manual's build as printed, and run.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/lib.sh
. tests/lib.sh
cc=${CC:-cc} cxx=${CXX:-c++}
prefix="$work/a prefix"
abi=$(awk '/define CLGLU_VERSION_M/ { v[n++] = $3 } END { print v[0] ? v[0] : v[0] "." v[1] }' include/clglu.h)
version=$(awk '/define CLGLU_VERSION_/ { v = v dot $3; dot = "." } END { print v }' include/clglu.h)

make() { command make --no-print-directory "$@"; }
files() { (cd "$1" && find . ! -type d ! -name 'clglu_*.3' | LC_ALL=C sort | sed 's|^\./||'); }
no_files() { [ -z "$(find "$1" ! -type d)" ]; }
has_line() { grep -qxF -e "$2" "$1"; }
nowhere() { ! grep -rqF -e "$1" "$2"; }
needs() { objdump -p "$2" | grep -q "NEEDED.*lib$1\.so"; }
needs_no() { ! needs "$@"; }

# ---------------------------------------------------------------- where things go

cat >"$work/wanted" <<END
include/clglu.h
include/clglu_acts.h
lib/some-machine/cmake/clglu/clglu-config-version.cmake
lib/some-machine/cmake/clglu/clglu-config.cmake
lib/some-machine/libclglu.a
lib/some-machine/libclglu.so
lib/some-machine/libclglu.so.$abi
lib/some-machine/libclglu.so.$version
lib/some-machine/pkgconfig/clglu.pc
libexec/clglu
share/bash-completion/completions/clglu
share/clglu/sweep.schema.json
share/fish/vendor_completions.d/clglu.fish
share/man/man1/clglu.1
share/man/man3/clglu.3
share/zsh/site-functions/_clglu
END
set -- DESTDIR="$work/a stage" PREFIX=/usr LIBDIR=/usr/lib/some-machine BINDIR=/usr/libexec
umask 077
good "make install into a stage works, whatever the umask" make install "$@"
holds "... and everybody can read what is there" test -z "$(find "$work/a stage/usr" ! -type l ! -perm -o=r)"
umask 022
files "$work/a stage/usr" >"$work/there"
holds "everything is where it was asked to be, and nothing else" diff -u "$work/wanted" "$work/there"
holds "nothing knows the stage" nowhere "a stage" "$work/a stage"
holds "the .pc file is written by its prefix" has_line "$work/a stage/usr/lib/some-machine/pkgconfig/clglu.pc" \
    "libdir=\${prefix}/lib/some-machine"
holds "each function has a page" test -e "$work/a stage/usr/share/man/man3/clglu_gate_forward.3"
good "make uninstall works" make uninstall "$@"
holds "... and leaves nothing" no_files "$work/a stage"
holds "... no folder of its own" test -z "$(find "$work/a stage" -name clglu)"
refuse 2 "must be an absolute path" "a relative prefix is refused" make install PREFIX=here

# ---------------------------------------------------------------- programs

awk '/^```c$/ { on = 1; n++; next } /^```$/ { on = 0 } on { print > ("'"$work"'/readme" n ".c") }' README.md
awk '/^\.Ed/ { on = 0 } on; /^\.Bd -literal$/ { on = 1 }' include/clglu.3 | sed 's/\\e/\\/g' >"$work/manual.c"
for program in readme1 readme2 manual; do holds "there is $program.c" test -s "$work/$program.c"; done
cp "$work/manual.c" "$work/manual.cc"

# shellcheck disable=SC2034
# with_pkg_config NAME COMPILER...: makes $work/NAME from a source; PKG_FLAGS are pkg-config's own
with_pkg_config() {
    name=$1
    shift
    eval "\"\$@\" -pedantic -Wall -Wextra -Werror -o \"\$work/\$name\" $(pkg-config ${PKG_FLAGS:-} --cflags --libs clglu)"
}

# right NAME: the manual's example says that the device gave the host's bits
right() { "$work/$1" | grep -q "^clglu $version: .* the same bits$"; }

# with_cmake FOLDER FLAGS...: configures and builds the project in $work/FOLDER
with_cmake() {
    folder="$work/$1"
    shift
    cmake -S "$folder" -B "$folder/made" "$@" && cmake --build "$folder/made"
}

# project FOLDER LANGUAGES FIND: a CMake project of the manual's example, shared and static; with C, of a block too
project() {
    mkdir "$work/$1"
    {
        printf 'cmake_minimum_required(VERSION 3.13)\nproject(user LANGUAGES %s)\nfind_package(clglu %s)\n' "$2" "$3"
        for suffix in c cc; do
            case "$2 $suffix" in "CXX c") continue ;; esac
            printf 'add_executable(shared-%s ../manual.%s)\ntarget_link_libraries(shared-%s PRIVATE clglu::clglu)\n' \
                $suffix $suffix $suffix
            printf 'if(TARGET clglu::static)\nadd_executable(static-%s ../manual.%s)\n' $suffix $suffix
            printf 'target_link_libraries(static-%s PRIVATE clglu::static)\nendif()\n' $suffix
        done
        case $2 in C\ *) printf 'add_executable(block ../readme2.c)\ntarget_link_libraries(block PRIVATE clglu::static)\n' ;; esac
    } >"$work/$1/CMakeLists.txt"
}

PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
export PKG_CONFIG_PATH
good "make install under a path with a space works" make install PREFIX="$prefix"
good "the installed command runs" "$prefix/bin/clglu" --version
for program in readme1 readme2; do
    good "pkg-config: $program.c builds in C99" with_pkg_config $program "$cc" -std=c99 "$work/$program.c"
    good "... and runs" env LD_LIBRARY_PATH="$prefix/lib" "$work/$program"
done
good "pkg-config: the manual's example builds in C99" with_pkg_config in-c "$cc" -std=c99 "$work/manual.c"
good "pkg-config: the manual's example builds in C++11" with_pkg_config in-cc "$cxx" -std=c++11 "$work/manual.cc"
for program in in-c in-cc; do
    holds "... $program needs the shared library" needs clglu "$work/$program"
    LD_LIBRARY_PATH="$prefix/lib" holds "... and is right" right $program
done

mv "$prefix" "$work/moved away"
project "a project" "C CXX" "$abi REQUIRED COMPONENTS shared static"
good "CMake: C and C++, shared and static, build after the library has moved" with_cmake "a project" \
    -DCMAKE_PREFIX_PATH="$work/moved away"
for kind in shared-c shared-cc static-c static-cc; do
    case $kind in
    shared*) holds "... $kind needs the shared library" needs clglu "$work/a project/made/$kind" ;;
    static*) holds "... $kind needs no shared library" needs_no clglu "$work/a project/made/$kind" ;;
    esac
    holds "... and is right" right "a project/made/$kind"
done
good "... and so is a block" "$work/a project/made/block"
project old "CXX" "99.0 REQUIRED"
expect 1 "CMake: a version that this is not is refused" with_cmake old -DCMAKE_PREFIX_PATH="$work/moved away"
holds "... by its number" grep -q "version: $version" "$work/stderr"
project part "CXX" "REQUIRED COMPONENTS dynamic"
expect 1 "CMake: an unknown component is refused" with_cmake part -DCMAKE_PREFIX_PATH="$work/moved away"
holds "... by its name" grep -q "no component 'dynamic'" "$work/stderr"
project lacks "CXX" "REQUIRED COMPONENTS static"
expect 1 "CMake: the static library without CLBlast is refused" with_cmake lacks -DCMAKE_PREFIX_PATH="$work/moved away" \
    -DCMAKE_DISABLE_FIND_PACKAGE_CLBlast=1
holds "... by what it needs" grep -q "what was not found: clblast" "$work/stderr"

mv "$work/moved away" "$prefix"
rm "$prefix"/lib/libclglu.so*
PKG_FLAGS=--static
good "pkg-config --static: C" with_pkg_config in-c "$cc" -std=c99 "$work/manual.c"
good "pkg-config --static: C++" with_pkg_config in-cc "$cxx" -std=c++11 "$work/manual.cc"
for program in in-c in-cc; do
    holds "... $program needs no shared library" needs_no clglu "$work/$program"
    holds "... and is right" right $program
done
good "pkg-config --static: a block" with_pkg_config readme2 "$cc" -std=c99 "$work/readme2.c"
good "... runs" "$work/readme2"
good "make uninstall works" make uninstall PREFIX="$prefix"
holds "... and leaves nothing" no_files "$prefix"

# ---------------------------------------------------------------- without CLBlast, from sources under a path with a space

mkdir "$work/a source"
cp -a Makefile cl include src tools "$work/a source"
mkdir "$work/a source/build"
cp -a build/src build/tools build/completion build/kernels.* build/lib* build/clglu "$work/a source/build"
touch "$work/a source/src/clblast.c"
good "make install without CLBlast works, with a space in the source's path" make -C "$work/a source" install CLBLAST=0 \
    PREFIX="$prefix"
holds "... and nothing needs CLBlast" needs_no clblast "$prefix/lib/libclglu.so"
project plain "CXX" "REQUIRED COMPONENTS static"
good "CMake: C++ alone and no CLBlast build" with_cmake plain -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_DISABLE_FIND_PACKAGE_CLBlast=1
holds "... and are right" right plain/made/static-cc
rm "$prefix"/lib/libclglu.so*
good "pkg-config --static: a block" with_pkg_config readme2 "$cc" -std=c99 "$work/readme2.c"
holds "pkg-config --static has no CLBlast" sh -c '! pkg-config --static --libs clglu | grep -q clblast'
tests_end
