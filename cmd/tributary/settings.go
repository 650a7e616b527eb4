package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// settle gives every flag that was not set on the command line its value from the
// environment, and else from the YAML file, if one is named.
func settle(flags *pflag.FlagSet, file string) error {
	if file == "" {
		file = os.Getenv("TRIBUTARY_CONFIG")
	}
	fromFile, err := readSettings(file)
	if err != nil {
		return err
	}
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		value, there := fromFile[f.Name]
		delete(fromFile, f.Name)
		source := file
		if v, ok := os.LookupEnv(variable(f.Name)); ok {
			value, there, source = v, true, variable(f.Name)
		}
		if f.Changed || !there || f.Name == "config" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", source, f.Name, err))
		}
	})
	for name := range fromFile {
		errs = append(errs, fmt.Errorf("%s: there is no setting %q", file, name))
	}
	return errors.Join(errs...)
}

// variable is the environment variable of a flag.
func variable(flag string) string {
	return "TRIBUTARY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readSettings reads a YAML mapping of scalars and lists of scalars.
func readSettings(file string) (map[string]string, error) {
	settings := map[string]string{}
	if file == "" {
		return settings, nil
	}
	r, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read
	var doc map[string]yaml.Node
	if err := yaml.NewDecoder(r).Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for name, node := range doc {
		switch node.Kind {
		case yaml.ScalarNode:
			settings[name] = node.Value
		case yaml.SequenceNode:
			var items []string
			if err := node.Decode(&items); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, name, err)
			}
			settings[name] = strings.Join(items, ",")
		default:
			return nil, fmt.Errorf("%s: %s: want a value or a list of values", file, name)
		}
	}
	return settings, nil
}
