# bash completion for lanyard: source <(lanyard completion bash)

_lanyard() {
    # Bash splits words at = and :, which are part of flags, ARNs and references. Put them together again.
    local -a words=()
    local rest=${COMP_LINE:0:COMP_POINT} word i last
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then
            last=${rest#"${rest%%[![:space:]]*}"}
            word=$last
        fi
        if ((${#words[@]} > 0)) && [[ $rest != [[:space:]]* ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
    done
    last=${words[${#words[@]}-1]}
    local before=
    if [[ $last == *[=:]* ]]; then
        before=${last%"${last##*[=:]}"}
    fi
    last=${last//\\/}
    last=${last#[\"\']}
    words[${#words[@]}-1]=$last

    COMPREPLY=()
    local line value
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        case $value in
        :file | :dir)
            local kind=-f
            [[ $value == :dir ]] && kind=-d
            compopt -o filenames 2>/dev/null
            while IFS= read -r value; do
                COMPREPLY+=("$value")
            done < <(compgen "$kind" -- "${last#"$before"}")
            ;;
        :nospace) compopt -o nospace 2>/dev/null ;;
        "") ;;
        *)
            value=${value#"$before"}
            # A name must stay one word that the shell does not expand.
            [[ $value == *[!A-Za-z0-9._/@:=+,-]* ]] && printf -v value %q "$value"
            COMPREPLY+=("$value")
            ;;
        esac
    done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _lanyard lanyard
