package internal_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"strings"
)

const (
	longest    = 500 // lines of a file that is neither a test nor generated
	openWork   = "TO" + "DO"
	openRepair = "FIX" + "ME"
)

func noInit(files []file) (complaints []string) {
	for _, f := range files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				complaints = append(complaints, f.at(fn)+": func init")
			}
		}
	}
	return complaints
}

// noChangingVariables complains of assignments to package variables, or to what
// is inside them, and of package variables that are made to change. It goes by
// names: a function that declares a variable of the same name is not looked at
// for it. A sync.Pool remembers nothing and is free.
func noChangingVariables(files []file) (complaints []string) {
	vars := map[string]map[string]bool{} // by package, tests of their own
	for _, f := range files {
		for _, d := range f.ast.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR || f.test {
				continue
			}
			for _, s := range gen.Specs {
				spec := s.(*ast.ValueSpec)
				for _, name := range spec.Names {
					if name.Name == "_" {
						continue
					}
					if vars[f.room] == nil {
						vars[f.room] = map[string]bool{}
					}
					vars[f.room][name.Name] = true
				}
				if sel, ok := spec.Type.(*ast.SelectorExpr); ok {
					x, _ := sel.X.(*ast.Ident)
					if x != nil && (x.Name == "sync" && sel.Sel.Name != "Pool" || x.Name == "atomic") {
						complaints = append(complaints, fmt.Sprintf("%s: a package variable of type %s.%s", f.at(spec), x.Name, sel.Sel.Name))
					}
				}
			}
		}
	}
	for _, f := range files {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				complaints = append(complaints, assignments(f, fn, vars[f.room])...)
			}
		}
	}
	return complaints
}

func assignments(f file, fn *ast.FuncDecl, vars map[string]bool) (complaints []string) {
	local := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				local[name.Name] = true
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				local[name.Name] = true
			}
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
				}
			}
		}
		return true
	})
	check := func(target ast.Expr) {
		if id := root(target); id != nil && vars[id.Name] && !local[id.Name] {
			complaints = append(complaints, fmt.Sprintf("%s: changes package variable %s", f.at(target), id.Name))
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				check(l)
			}
		case *ast.IncDecStmt:
			check(n.X)
		}
		return true
	})
	return complaints
}

// root is the variable that an assignment to e changes.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func fileLength(files []file) (complaints []string) {
	for _, f := range files {
		lines := strings.Count(f.text, "\n")
		if !f.test && lines > longest && !ast.IsGenerated(f.ast) {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines: what is its second subject?", f.name, lines))
		}
	}
	return complaints
}

func nothingLeftOpen(files []file) (complaints []string) {
	for _, f := range files {
		for i, line := range strings.Split(f.text, "\n") {
			if strings.Contains(line, openWork) || strings.Contains(line, openRepair) {
				complaints = append(complaints, fmt.Sprintf("%s:%d: left open: %s", f.name, i+1, strings.TrimSpace(line)))
			}
		}
	}
	return complaints
}

// roomsHaveNames complains of rooms without a door.
func roomsHaveNames(files []file) (complaints []string) {
	for _, f := range files {
		switch path.Base(f.room) {
		case "util", "utils", "common", "helpers", "types", "misc":
			complaints = append(complaints, f.name+": the package's name does not say what is in it")
		}
	}
	return complaints
}
