# fish completion for lanyard: lanyard completion fish >~/.config/fish/completions/lanyard.fish

function __lanyard_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
            case :dir
                __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$current") ""
            case ':*'
            case '*'
                echo $line
        end
    end
end

complete -c lanyard -f -a '(__lanyard_complete)'
