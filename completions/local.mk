# Files of completions/.
