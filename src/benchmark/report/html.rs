//! HTML that is also well-formed XML, with every text escaped.

use std::fmt::Write as _;

use super::super::tables::{Cell, Column, Table, Tone};

/// Text as HTML and XML read it, in elements and in quoted attributes; control characters become spaces.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            // Characters that XML does not know, and those that turn the direction of what follows.
            control if control.is_control() => escaped.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The class of a tone.
fn class(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some("good"),
        Tone::Bad => Some("bad"),
        Tone::Open => Some("open"),
        Tone::Quiet => Some("none"),
    }
}

/// A text with its tone as a badge.
pub(super) fn badge(cell: &Cell) -> String {
    match class(cell.tone) {
        Some(class) if !cell.text.is_empty() => format!(r#"<span class="badge {class}">{}</span>"#, escape(&cell.text)),
        _ => escape(&cell.text),
    }
}

/// A table with its caption and notes, scrolling by itself where it is too wide.
pub(super) fn table(own: &Table) -> String {
    let mut html = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table class=\"sortable\" \
         id=\"{}\"><caption>{title}</caption>\n<thead><tr>",
        own.id,
        title = escape(&own.title)
    );
    for column in &own.columns {
        let class = if column.parts.is_empty() { "" } else { " class=\"number\"" };
        // Writing into a string cannot fail.
        let _ = write!(html, "<th scope=\"col\"{class}>{}</th>", escape(&column.head));
    }
    html.push_str("</tr></thead>\n");
    for group in own.groups.iter().filter(|group| !group.is_empty()) {
        html.push_str("<tbody>\n");
        for cells in group {
            row(&mut html, &own.columns, cells);
        }
        html.push_str("</tbody>\n");
    }
    html.push_str("</table></div>\n");
    for note in &own.notes {
        let _ = writeln!(html, "<p class=\"notes\">{}</p>", escape(note));
    }
    html
}

fn row(html: &mut String, columns: &[Column], cells: &[Cell]) {
    html.push_str("<tr>");
    for (position, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let content = badge(cell);
        let _ = match (position, column.parts) {
            (0, []) => write!(html, "<th scope=\"row\">{content}</th>"),
            (_, []) => write!(html, "<td>{content}</td>"),
            _ => {
                let sort = cell.numbers.first().copied().flatten().map(|value| value.to_string()).unwrap_or_default();
                write!(html, "<td class=\"number\" data-sort=\"{sort}\">{content}</td>")
            }
        };
    }
    html.push_str("</tr>\n");
}

/// A list of paragraphs.
pub(super) fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("<li>{}</li>\n", escape(item))).collect();
    if items.is_empty() { String::new() } else { format!("<ul>\n{}</ul>\n", items.concat()) }
}

/// Facts by name.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let fact = |(name, value): &(&str, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
    let facts: Vec<String> = facts.iter().map(fact).collect();
    format!("<dl class=\"facts\">\n{}</dl>\n", facts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out() {
        let hostile = "</td><script>alert('1')</script>\" onload=\"x\u{202e}\u{0}&";
        let escaped = escape(hostile);
        assert!(!escaped.contains(['<', '>', '"', '\'', '\u{202e}', '\u{0}']), "{escaped}");
        assert_eq!(badge(&Cell::toned("<b>", Tone::Good)), "<span class=\"badge good\">&lt;b&gt;</span>");
    }
}
