module github.com/lanyard/lanyard

go 1.26
