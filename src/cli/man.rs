//! `saliscope man`: the help of every command as manual pages.

use std::path::PathBuf;

use clap::{Args, Command};

use super::error::{Error, Result};
use super::output::Output;
use super::print_json;

/// Writes manual pages, one for each command, into a new or empty folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope man --out man1
  man ./man1/saliscope-explain.1

Exit codes: 0 done, 1 the work failed, 2 usage. Nothing is written unless everything is.")]
pub(super) struct Arguments {
    /// Folder for the pages, made where needed; it must be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments, mut program: Command) -> Result<()> {
    program.build();
    let mut output = Output::prepare_empty(&arguments.out)?;
    let mut pages = Vec::new();
    write_pages(&program, "", &mut output, &mut pages)?;
    output.publish()?;
    print_json(&serde_json::json!({ "out": arguments.out.to_string_lossy(), "pages": pages }))
}

/// The page of a command and those of the commands below it; `above` is the name of the page above.
fn write_pages(command: &Command, above: &str, output: &mut Output, pages: &mut Vec<String>) -> Result<()> {
    if command.get_name() == "help" {
        return Ok(());
    }
    let name = if above.is_empty() { command.get_name().to_owned() } else { format!("{above}-{}", command.get_name()) };
    let mut page = Vec::new();
    // clap needs names that live as long as the program; pages are written once in a process.
    let named = command.clone().name(&*Box::leak(name.clone().into_boxed_str()));
    clap_mangen::Man::new(named).manual("saliscope").render(&mut page).map_err(Error::Stdout)?;
    let file = format!("{name}.1");
    output.write(file.as_ref(), &page)?;
    pages.push(file);
    command.get_subcommands().try_for_each(|below| write_pages(below, &name, output, pages))
}
