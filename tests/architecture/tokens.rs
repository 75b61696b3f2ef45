//! Rust's text as words and signs, without remarks and without what stands in quotes.

/// A word, a path's `::`, or any other sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    Path,
    Sign(char),
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found == word)
    }

    pub(crate) fn is_sign(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }
}

/// The tokens of a source file.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(sign) = text.get(at).copied() {
        let rest = &text[at..];
        at += match sign {
            _ if sign.is_whitespace() => 1,
            '/' if rest.get(1) == Some(&'/') => rest.iter().position(|sign| *sign == '\n').unwrap_or(rest.len()),
            '/' if rest.get(1) == Some(&'*') => remark(rest),
            '"' => quoted(rest),
            '\'' => letter_or_lifetime(rest),
            ':' if rest.get(1) == Some(&':') => {
                tokens.push(Token::Path);
                2
            }
            _ if is_of_word(sign) => {
                let length = rest.iter().position(|sign| !is_of_word(*sign)).unwrap_or(rest.len());
                let word: String = rest[..length].iter().collect();
                let behind = &rest[length..];
                match (word.as_str(), behind.first()) {
                    ("r" | "br" | "cr", Some('"' | '#')) if raw(behind).is_some() => length + raw(behind).unwrap_or(0),
                    // A word that would be Rust's own otherwise.
                    ("r", Some('#')) => length + 1,
                    ("b" | "c", Some('"' | '\'')) => length,
                    _ => {
                        tokens.push(Token::Word(word));
                        length
                    }
                }
            }
            _ => {
                tokens.push(Token::Sign(sign));
                1
            }
        };
    }
    tokens
}

fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// Length of a remark in `/* */`, which may hold others.
fn remark(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of what stands between two quotation marks, with them.
fn quoted(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Length of a raw string behind its `r`, where it is one.
fn raw(text: &[char]) -> Option<usize> {
    let hashes = text.iter().take_while(|sign| **sign == '#').count();
    if text.get(hashes) != Some(&'"') {
        return None;
    }
    let begin = hashes + 1;
    let is_end = |at: &usize| {
        text[*at] == '"' && text[at + 1..].iter().take(hashes).filter(|sign| **sign == '#').count() == hashes
    };
    Some((begin..text.len()).find(is_end).map_or(text.len(), |end| end + 1 + hashes))
}

/// Length of a letter in quotes, or of the sign that begins a lifetime.
fn letter_or_lifetime(text: &[char]) -> usize {
    match (text.get(1), text.get(2)) {
        (Some('\\'), _) => text.iter().skip(3).position(|sign| *sign == '\'').map_or(text.len(), |end| end + 4),
        (Some(_), Some('\'')) => 3,
        _ => 1,
    }
}
