package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// message is a text that a person may see, and the files that say it, in the order of their names.
type message struct {
	id    string
	zh    string // its translation, when that stands beside it
	files []string
}

// extract returns all messages of the program, in the order of the files and of their places in them.
func extract(t *testing.T) []message {
	t.Helper()
	root := filepath.Join("..", "..")
	e := &extraction{at: map[string]int{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(root, path)
		switch {
		case err != nil || relErr != nil:
			return err
		case d.IsDir() && (slices.Contains(unread, filepath.ToSlash(name)) || strings.HasSuffix(name, "test") || strings.HasPrefix(d.Name(), ".") && name != "."):
			return fs.SkipDir
		case d.IsDir():
			return e.folder(path, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	e.foreign(t)
	return e.list
}

// extraction collects messages.
type extraction struct {
	list      []message
	at        map[string]int // index in list
	file      string
	constants map[string]ast.Expr // of the package that is read
	taken     map[ast.Node]bool   // literals whose use is known
}

// folder reads the sources of a package.
func (e *extraction) folder(path, name string) error {
	files, err := filepath.Glob(filepath.Join(path, "*.go"))
	if err != nil {
		return err
	}
	e.constants, e.taken = map[string]ast.Expr{}, map[ast.Node]bool{}
	parsed := map[string]*ast.File{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed[file] = f
		e.remember(f)
	}
	for _, file := range files {
		e.file = strings.TrimPrefix(name+"/"+filepath.Base(file), "./")
		if f := parsed[file]; f != nil && !bilingual[e.file] {
			ast.Inspect(f, e.visit)
		}
	}
	return nil
}

// remember notes the constants of a package, so that a message put together from them is seen whole.
func (e *extraction) remember(f *ast.File) {
	for _, decl := range f.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			values := spec.(*ast.ValueSpec)
			for i, name := range values.Names {
				if i < len(values.Values) {
					e.constants[name.Name] = values.Values[i]
				}
			}
		}
	}
}

// foreign adds the texts of others.
func (e *extraction) foreign(t *testing.T) {
	t.Helper()
	e.file = "testdata/foreign.txt"
	data, err := os.ReadFile(e.file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			e.add(line)
		}
	}
}

func (e *extraction) add(text string) {
	_, id, _ := trim(text)
	i, there := e.at[id]
	if !there {
		i = len(e.list)
		e.at[id] = i
		e.list = append(e.list, message{id: id})
	}
	if m := &e.list[i]; !slices.Contains(m.files, e.file) {
		m.files = append(m.files, e.file)
	}
}

// visit looks at what a text is used for, from the outside in; what no rule knows is prose or not by its looks.
func (e *extraction) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.Field:
		if n.Tag != nil {
			e.taken[n.Tag] = true
		}
	case *ast.CallExpr:
		e.call(n)
	case *ast.CompositeLit:
		e.siblings(n.Elts)
		e.headings(n)
	case *ast.AssignStmt:
		e.siblings(n.Rhs)
	case *ast.ValueSpec:
		e.siblings(n.Values)
	case *ast.KeyValueExpr:
		e.pair(n)
	case *ast.GenDecl:
		e.states(n)
	case *ast.CaseClause:
		e.skip(n.List...)
	case *ast.IndexExpr:
		e.skip(n.Index)
	case ast.Expr:
		e.text(n, false)
	}
	return true
}

// text adds a literal, or several that are put together, if it is a message. In a saying place it need not be prose.
func (e *extraction) text(x ast.Expr, saying bool) {
	text, ok := e.fold(x)
	if !ok || e.taken[x] {
		return
	}
	for _, literal := range literals(x) {
		if e.taken[literal] {
			return
		}
	}
	e.skip(x)
	for _, id := range forced[e.file][text] {
		e.add(id)
	}
	if isCommand.MatchString(strings.TrimSpace(text)) || slices.Contains(verbatim, text) || otherTongue.MatchString(text) {
		return
	}
	if saying && isWord(text) || !saying && isProse(text) {
		e.add(text)
	}
}

// skip marks literals whose use is known.
func (e *extraction) skip(list ...ast.Expr) {
	for _, x := range list {
		for _, literal := range literals(x) {
			e.taken[literal] = true
		}
	}
}

// literals are the literals that an expression is put together from.
func literals(x ast.Expr) []ast.Node {
	switch x := x.(type) {
	case *ast.BasicLit:
		return []ast.Node{x}
	case *ast.ParenExpr:
		return literals(x.X)
	case *ast.BinaryExpr:
		if x.Op == token.ADD {
			return append(literals(x.X), literals(x.Y)...)
		}
	}
	return nil
}

// fold returns the text of a literal, or of several with other values between them, which count as %s.
func (e *extraction) fold(x ast.Expr) (text string, ok bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			text, err := strconv.Unquote(x.Value)
			return text, err == nil
		}
	case *ast.ParenExpr:
		return e.fold(x.X)
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			return "", false
		}
		left, okLeft := e.part(x.X)
		right, okRight := e.part(x.Y)
		return left + right, okLeft || okRight
	}
	return "", false
}

func (e *extraction) part(x ast.Expr) (text string, literal bool) {
	if name, ok := x.(*ast.Ident); ok && e.constants[name.Name] != nil {
		if text, ok := e.fold(e.constants[name.Name]); ok {
			return text, false
		}
	}
	if text, ok := e.fold(x); ok {
		return text, true
	}
	return "%s", false
}

var (
	han       = regexp.MustCompile(`\p{Han}`)
	lowercase = regexp.MustCompile(`[a-z]{2}`)
	// Two words with a blank between them, or a sentence's end.
	twoWords = regexp.MustCompile(`[A-Za-z…][A-Za-z_'")\]-]*[,:;.?]? ["'(\[%-]*[A-Za-z]|^[a-z]{2,}:? %`)
	// SQL, JSON, a layout of a time, an expression, a type of content, a key.
	otherTongue = regexp.MustCompile(`^\(?(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|EXPLAIN QUERY|COPY|BEGIN|START|LOCK|CAST|CONCAT|NOT \(|ON |ROLLBACK|VACUUM|RENAME|TRUNCATE)\b` +
		`|^ ?(WHERE|FROM|AND|ORDER BY|LIMIT|ON|ENGINE|AS|SET|WITHOUT|VALUES|COLLATE)\b|coalesce\(|COLLATE |IS DISTINCT|\bJOIN\b|PRIMARY KEY \(|UPDATE SET|ON COMMIT|PRECISION` +
		`|^%?s? ?AS [a-z]|^ ?[a-z] ON ?$|^ROW_NUMBER|^ ?IS NULL|^[A-Z%s ]+NOT NULL|PRIMARY KEY$|^%s s WHERE|AS SELECT|milkrun completion |'removed'|^job, |"trigger"|charset=|^\(\?|^UTC Asia|^[{,]"|^<|_at = \?|\(SELECT |, [a-z]+_at\b|^\["|^\^|^__|^[a-z]+\.%s$`)
	// A command to type, which is the same in every language.
	isCommand = regexp.MustCompile(`^(milkrun|systemctl|curl)( [a-z|]+)+( (--?[a-z-]+( [a-z]+)?|%[sd]|[A-Z][A-Z…]*))*$`)
)

func isProse(text string) bool {
	return !han.MatchString(text) && !strings.Contains(text, "\x00") && twoWords.MatchString(verbs.ReplaceAllString(text, "%"))
}

// isWord says that a text in a place where messages stand has something to translate.
func isWord(text string) bool {
	return lowercase.MatchString(verbs.ReplaceAllString(text, "%"))
}
