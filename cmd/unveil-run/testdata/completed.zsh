# completed.zsh FILE SHELL KEYS LINE... writes to FILE what a shell makes of each
# line when all its completions are put into it, by keys that do so: a shell that
# runs on a terminal, says READY, and writes its line to FILE at ^G.
zmodload zsh/zpty zsh/zselect
local file=$1 shell=$2 keys=$3 line text
local -i n=0 tries
shift 3
: >$file
zpty shell $shell
zpty -r shell text '*READY*' || exit 1
for line; do
	zpty -w -n shell "$line${(g::)keys}"$'\a'
	tries=0
	while (( $(wc -l <$file) <= n )); do
		(( tries++ < 1000 )) || { print -ru2 "no answer to: $line"; exit 1 }
		zpty -rt shell text
		zselect -t 1
	done
	(( n++ ))
done
zpty -d shell
