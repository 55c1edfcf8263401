#compdef lanyard
# zsh completion for lanyard: lanyard completion zsh >"${fpath[1]}/_lanyard"

_lanyard() {
    local line value help
    local -a values options
    for line in "${(@f)$("${words[1]}" __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        help=${line#*$'\t'}
        case $value in
        :file) compset -P '--*='; _files; return ;;
        :dir) compset -P '--*='; _files -/; return ;;
        :nospace) options+=(-S '') ;;
        '') ;;
        *)
            value=${value//:/\\:}
            [[ $line == *$'\t'* ]] && value+=":$help"
            values+=("$value")
            ;;
        esac
    done
    (( ${#values} )) && _describe lanyard values "${options[@]}"
}

if [[ $funcstack[1] == _lanyard ]]; then
    _lanyard "$@"
else
    compdef _lanyard lanyard
fi
