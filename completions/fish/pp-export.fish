# fish completion for pp-export, made from its option tables

complete -c pp-export -f
complete -c pp-export -s f -l format -x -a 'jsonl csv' -d 'jsonl, csv; several with commas [jsonl]'
complete -c pp-export -s p -l partition -x -a 'none timestamp category timestamp,category' -d 'none, timestamp, category, or both with a comma [none]'
complete -c pp-export -s o -l output -x -a '(__fish_complete_directories)' -d 'where files go, - for standard output'
complete -c pp-export -s t -l type -x -d 'declare a field\'s type; repeatable'
complete -c pp-export -l max-rows-per-file -x -d 'begin another file after N rows'
complete -c pp-export -l max-bytes-per-file -x -d 'begin another file before SIZE is passed'
complete -c pp-export -l delimiter -x -d 'between cells of CSV [,]; \t is a tab'
complete -c pp-export -l bom -d 'begin CSV with a byte order mark'
complete -c pp-export -l lf -d 'end lines of CSV with LF, not CRLF'
complete -c pp-export -l safe-cells -d 'put \' before text that a spreadsheet would compute'
complete -c pp-export -s h -l help -d 'show this help and exit'
complete -c pp-export -s V -l version -d 'show the version and exit'
complete -c pp-export -s q -l quiet -d 'say nothing but errors'
complete -c pp-export -s v -l verbose -d 'say more; twice for details'
complete -c pp-export -l color -x -a 'auto always never' -d 'color: auto, always or never'
