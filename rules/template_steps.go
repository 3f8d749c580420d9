package rules

import (
	"errors"
	"text/template"
	"text/template/parse"
)

// maxSteps is how often the bodies of loops may run while the templates of one
// rule are filled in for one request.
const maxSteps = 100_000

var (
	errTemplateSteps  = errors.New("the loops of a template take more than 100,000 steps")
	errTemplateNested = errors.New("a template has neither define, block nor template")
)

// Step counts a step of a loop. limitLoops puts a call of it into each body.
func (d *templateData) Step() (string, error) {
	d.steps++
	if d.steps > maxSteps {
		return "", errTemplateSteps
	}
	return "", nil
}

// limitLoops lets a template count the steps of its loops, which text/template
// runs without bound. Templates inside of templates are refused: they have other
// data, and can call themselves.
func limitLoops(t *template.Template) error {
	if len(t.Templates()) > 1 {
		return errTemplateNested
	}
	if t.Tree == nil {
		return nil
	}
	return limitList(t.Root)
}

func limitList(list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		if err := limitNode(node); err != nil {
			return err
		}
	}
	return nil
}

func limitNode(node parse.Node) error {
	switch n := node.(type) {
	case *parse.IfNode:
		return errors.Join(limitList(n.List), limitList(n.ElseList))
	case *parse.WithNode:
		return errors.Join(limitList(n.List), limitList(n.ElseList))
	case *parse.RangeNode:
		if err := errors.Join(limitList(n.List), limitList(n.ElseList)); err != nil {
			return err
		}
		n.List.Nodes = append([]parse.Node{stepNode.Copy()}, n.List.Nodes...)
	case *parse.TemplateNode:
		return errTemplateNested
	}
	return nil
}

// stepNode is the call of Step.
var stepNode = template.Must(template.New("").Parse("{{$.Step}}")).Root.Nodes[0]
