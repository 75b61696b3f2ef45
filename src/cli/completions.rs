//! `saliscope completions`: what a shell needs to complete commands and options.

use clap::{Args, Command};
use clap_complete::Shell;

use super::error::{Error, Result};

/// Prints a script by which a shell completes commands, options and their values.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope completions bash \\
      > ~/.local/share/bash-completion/completions/saliscope
  # into a folder of $fpath
  saliscope completions zsh > _saliscope
  saliscope completions fish > ~/.config/fish/completions/saliscope.fish

Exit codes: 0 done, 1 the work failed, 2 usage.")]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, mut program: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "saliscope", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script).map_err(Error::Stdout)
}
