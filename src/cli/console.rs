//! The one way of words to standard output and standard error.
//!
//! Names of files, patients, classes and columns come from outside and stand in many of them. A terminal obeys control
//! characters, so none gets there: they are shown as what they are, such as `\u{1b}`.

use std::fmt::{Display, Write as _};
use std::io::Write;

use super::error::{Error, Result};

/// Writes a line to standard error. What it quotes may have lines of its own: these are indented, so that none can pass for
/// another line of this program.
pub(super) fn tell(line: impl Display) {
    let line = visible(&line.to_string()).replace('\n', "\n  ");
    // Nobody is left to tell where standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes several lines of this program's own to standard error.
pub(super) fn tell_lines(lines: &str) {
    // The same.
    let _ = write!(std::io::stderr(), "{}", visible(lines));
}

/// Writes a result in lines to standard output.
pub(super) fn print(lines: &str) -> Result<()> {
    std::io::stdout().write_all(visible(lines).as_bytes()).map_err(Error::Stdout)
}

/// Writes one line of JSON to standard output.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let line = serde_json::to_string(value).map_err(|error| Error::Stdout(error.into()))?;
    // JSON escapes some of them; the others stand in strings alone, where an escape means the same.
    let mut escaped = String::with_capacity(line.len() + 1);
    for sign in line.chars() {
        match u32::from(sign) {
            code if is_obeyed(sign) => drop(write!(escaped, "\\u{code:04x}")), // a string can always be written to
            _ => escaped.push(sign),
        }
    }
    escaped.push('\n');
    std::io::stdout().write_all(escaped.as_bytes()).map_err(Error::Stdout)
}

/// A name for the middle of a line: the ends of lines are made visible, too.
pub(super) fn in_line(name: &str) -> String {
    visible(name).replace('\n', "\\n").replace('\t', "\\t")
}

/// The text with control characters made visible, save tabs and ends of lines.
pub(super) fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for sign in text.chars() {
        if is_obeyed(sign) && sign != '\n' && sign != '\t' {
            seen.extend(sign.escape_unicode());
        } else {
            seen.push(sign);
        }
    }
    seen
}

/// Whether a terminal does something at this character, or writes what follows in another direction or place.
fn is_obeyed(sign: char) -> bool {
    let turns = matches!(sign, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    sign.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let hostile = "a\u{1b}[2Jb\u{9b}31mc\rd\u{7f}e\u{202e}f\u{2066}g\u{7}h\u{8}i\nj\tk";
        let seen = visible(hostile);
        assert_eq!(seen.replace(|sign: char| sign.is_ascii_graphic(), ""), "\n\t");
        assert!(seen.starts_with("a\\u{1b}[2Jb\\u{9b}31mc\\u{d}d\\u{7f}e\\u{202e}f"), "{seen}");
        assert_eq!(in_line("a\nb\tc"), "a\\nb\\tc");
        let names = "Müller, 山田^太郎, Łódź 🩻 \u{5d0}\u{5d1}";
        assert_eq!(visible(names), names, "letters of any language stay");
    }
}
