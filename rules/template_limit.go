package rules

import (
	"errors"
	"text/template"
	"text/template/parse"
)

var (
	errTemplateNested = errors.New("a template has neither define, block nor template")
	errTemplateRoot   = errors.New("a template cannot set $")
)

// limitTemplate lets a template count what it costs, for which text/template has no
// bound: the steps of its loops, and the text that its calls make. Templates inside of
// templates are refused: they have other data, and can call themselves. So is what
// makes $ anything else than the data, which counts.
func limitTemplate(t *template.Template) error {
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
	case *parse.ActionNode:
		return limitPipe(n.Pipe)
	case *parse.IfNode:
		return limitBranch(&n.BranchNode)
	case *parse.WithNode:
		return limitBranch(&n.BranchNode)
	case *parse.RangeNode:
		if err := limitBranch(&n.BranchNode); err != nil {
			return err
		}
		n.List.Nodes = append([]parse.Node{stepNode.Copy()}, n.List.Nodes...)
	case *parse.TemplateNode:
		return errTemplateNested
	}
	return nil
}

func limitBranch(n *parse.BranchNode) error {
	return errors.Join(limitPipe(n.Pipe), limitList(n.List), limitList(n.ElseList))
}

// limitPipe puts a call of Made behind each call.
func limitPipe(pipe *parse.PipeNode) error {
	for _, v := range pipe.Decl {
		if v.Ident[0] == "$" {
			return errTemplateRoot
		}
	}
	var limited []*parse.CommandNode
	for i, command := range pipe.Cmds {
		for _, arg := range command.Args {
			if err := limitArg(arg); err != nil {
				return err
			}
		}
		limited = append(limited, command)
		if calls(command, i > 0) {
			limited = append(limited, madeNode.Copy().(*parse.CommandNode))
		}
	}
	pipe.Cmds = limited
	return nil
}

// limitArg limits a pipeline in parentheses, alone or with fields behind it.
func limitArg(node parse.Node) error {
	switch n := node.(type) {
	case *parse.PipeNode:
		return limitPipe(n)
	case *parse.ChainNode:
		return limitArg(n.Node)
	}
	return nil
}

// calls reports whether a command calls a function, or a method with arguments.
func calls(c *parse.CommandNode, piped bool) bool {
	return piped || len(c.Args) > 1 || c.Args[0].Type() == parse.NodeIdentifier
}

// stepNode is the call of Step, madeNode that of Made.
var (
	stepNode = template.Must(template.New("").Parse("{{$.Step}}")).Root.Nodes[0]
	madeNode = template.Must(template.New("").Parse("{{. | $.Made}}")).Root.Nodes[0].(*parse.ActionNode).Pipe.Cmds[1]
)
