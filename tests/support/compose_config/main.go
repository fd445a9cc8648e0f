// Reads a Compose project as `docker compose config` does, with the loader that Docker's own program
// is made with, and prints it as YAML: variables are put in, the schema is checked.
//
//	compose_config DIRECTORY [FILE …]    values come from DIRECTORY/.env and the environment
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/cli"
)

func run(words []string) error {
	if len(words) < 1 {
		return fmt.Errorf("name the directory of the project")
	}
	directory := words[0]
	files := []string{}
	for _, name := range words[1:] {
		files = append(files, filepath.Join(directory, name))
	}
	options, err := cli.NewProjectOptions(files,
		cli.WithWorkingDirectory(directory),
		cli.WithOsEnv,
		cli.WithDotEnv,
		cli.WithDefaultConfigPath)
	if err != nil {
		return err
	}
	project, err := cli.ProjectFromOptions(options)
	if err != nil {
		return err
	}
	text, err := project.MarshalYAML()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
