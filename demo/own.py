"""Register parts of your own here, or name your own file in `vars.code`: components, architectures,
languages. Every command of project.yml imports it, and the student's wheel has it."""
