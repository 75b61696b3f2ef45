//! A table that can be written in several languages.

/// What a cell says at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
    /// Not known.
    Open,
    /// Not asked.
    Quiet,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// As a person reads it.
    pub text: String,
    /// The numbers behind the text, one for each part of the column; the first one sorts.
    pub numbers: Vec<Option<f64>>,
    /// At a glance.
    pub tone: Tone,
}

impl Cell {
    /// Text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Text and the numbers behind it.
    pub fn numbers(text: impl Into<String>, numbers: impl Into<Vec<Option<f64>>>) -> Self {
        Self { text: text.into(), numbers: numbers.into(), tone: Tone::Plain }
    }

    /// Text with a tone.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), numbers: Vec::new(), tone }
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub head: String,
    /// Names of the numbers behind each cell, such as `mean` and `sd`; none in columns of text.
    pub parts: &'static [&'static str],
}

impl Column {
    /// A column of text.
    pub fn text(head: impl Into<String>) -> Self {
        Self { head: head.into(), parts: &[] }
    }

    /// A column of numbers.
    pub fn numbers(head: impl Into<String>, parts: &'static [&'static str]) -> Self {
        Self { head: head.into(), parts }
    }
}

/// A table with a heading and what must be read with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Name of its files, of letters, digits and underscores.
    pub id: &'static str,
    /// Heading.
    pub title: String,
    /// Sentences below.
    pub notes: Vec<String>,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows, each with one cell a column, and the groups that a line parts.
    pub groups: Vec<Vec<Vec<Cell>>>,
}

impl Table {
    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &Vec<Cell>> {
        self.groups.iter().flatten()
    }

    /// Without any row.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(Vec::is_empty)
    }

    /// Comma-separated values (RFC 4180): numbers with all their digits, one column each.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        let heads = self.columns.iter().flat_map(|column| match column.parts {
            [] | [_] => vec![column.head.clone()],
            parts => parts.iter().map(|part| format!("{}: {part}", column.head)).collect(),
        });
        push_csv_line(&mut text, heads);
        for row in self.rows() {
            let cells = self.columns.iter().zip(row).flat_map(|(column, cell)| match column.parts {
                [] => vec![cell.text.clone()],
                parts => (0..parts.len())
                    .map(|part| cell.numbers.get(part).copied().flatten().map(csv_number).unwrap_or_default())
                    .collect(),
            });
            push_csv_line(&mut text, cells);
        }
        text
    }

    /// A table of GitHub's Markdown, with heading and notes.
    pub fn to_markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let alignment = |column: &Column| if column.parts.is_empty() { "---" } else { "--:" }.to_owned();
        let mut lines = vec![format!("**{}**\n", markdown(&self.title))];
        lines.push(line(self.columns.iter().map(|column| markdown(&column.head)).collect()));
        lines.push(line(self.columns.iter().map(alignment).collect()));
        lines.extend(self.rows().map(|row| line(row.iter().map(|cell| markdown(&cell.text)).collect())));
        lines.extend(self.notes.iter().map(|note| format!("\n{}", markdown(note))));
        lines.join("\n") + "\n"
    }

    /// A table for LaTeX with the package booktabs.
    pub fn to_latex(&self) -> String {
        let alignment: String =
            self.columns.iter().map(|column| if column.parts.is_empty() { 'l' } else { 'r' }).collect();
        let line = |cells: Vec<String>| format!("  {} \\\\", cells.join(" & "));
        let mut lines = vec![
            "% needs \\usepackage{booktabs}".to_owned(),
            "\\begin{table}".to_owned(),
            "\\centering".to_owned(),
            format!("\\caption{{{}}}", latex(&self.title)),
            format!("\\label{{tab:{}}}", self.id.replace('_', "-")),
            format!("\\begin{{tabular}}{{{alignment}}}"),
            "  \\toprule".to_owned(),
        ];
        lines.push(line(self.columns.iter().map(|column| latex(&column.head)).collect()));
        for group in self.groups.iter().filter(|group| !group.is_empty()) {
            lines.push("  \\midrule".to_owned());
            lines.extend(group.iter().map(|row| line(row.iter().map(|cell| latex(&cell.text)).collect())));
        }
        lines.extend(["  \\bottomrule".to_owned(), "\\end{tabular}".to_owned()]);
        if !self.notes.is_empty() {
            let notes: Vec<String> = self.notes.iter().map(|note| latex(note)).collect();
            lines.push(format!("\\par\\smallskip\\footnotesize {}", notes.join(" ")));
        }
        lines.push("\\end{table}".to_owned());
        lines.join("\n") + "\n"
    }
}

/// A number with all its digits, as every reader of CSV takes it.
pub(in super::super) fn csv_number(value: f64) -> String {
    if value.is_nan() {
        String::new()
    } else if value.is_infinite() {
        if value > 0.0 { "Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

/// A cell of CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets a quote in front.
pub(in super::super) fn csv_cell(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() && text != "-Inf";
    let text = if risky { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r', '#']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn push_csv_line(text: &mut String, cells: impl Iterator<Item = String>) {
    text.push_str(&cells.map(|cell| csv_cell(&cell)).collect::<Vec<_>>().join(","));
    text.push('\n');
}

fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

fn latex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            '−' => escaped.push_str("$-$"),
            '±' => escaped.push_str("$\\pm$"),
            '–' => escaped.push_str("--"),
            '“' => escaped.push_str("``"),
            '”' => escaped.push_str("''"),
            // A bracket at the beginning of a line would be an argument of the line break before.
            '[' => escaped.push_str("{[}"),
            ']' => escaped.push_str("{]}"),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            id: "some_table",
            title: "50 % of_it".to_owned(),
            notes: vec!["[a] <b>".to_owned()],
            columns: vec![Column::text("Method"), Column::numbers("AUPRC", &["mean", "sd"])],
            groups: vec![
                vec![vec![Cell::text("a|b, \"c\""), Cell::numbers("0.500 ± 0.100", [Some(0.5), Some(0.1)])]],
                vec![vec![Cell::text("=1+1"), Cell::numbers("–", [None, Some(f64::INFINITY)])]],
            ],
        }
    }

    #[test]
    fn csv_has_all_digits_and_no_formulas() {
        let expected = "Method,AUPRC: mean,AUPRC: sd\n\"a|b, \"\"c\"\"\",0.5,0.1\n'=1+1,,Inf\n";
        assert_eq!(table().to_csv(), expected);
    }

    #[test]
    fn markdown_and_latex_cannot_be_broken_out_of() {
        let markdown = table().to_markdown();
        assert!(
            markdown.contains("| a\\|b, \"c\" | 0.500 ± 0.100 |") && markdown.contains("\\[a\\] \\<b\\>"),
            "{markdown}"
        );
        let latex = table().to_latex();
        assert!(latex.contains("50 \\% of\\_it") && latex.contains("0.500 $\\pm$ 0.100 \\\\"), "{latex}");
        assert_eq!(latex.matches("\\midrule").count(), 2);
    }
}
