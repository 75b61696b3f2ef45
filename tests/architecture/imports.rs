//! What one source file takes from other modules of the library.

use std::collections::BTreeSet;

use super::tokens::{Token, tokens};

/// What a file says of other modules.
#[derive(Debug)]
pub(crate) struct Imports {
    /// Modules at the top of the library that its code names, its own left in.
    pub(crate) edges: BTreeSet<String>,
    /// Modules in files of their own that are compiled for tests alone.
    pub(crate) test_modules: Vec<String>,
}

/// What the module at `path`, from the top of the library, takes from others: every path that begins at `crate`, and those
/// that climb there by `super`. Code for tests alone is left out.
pub(crate) fn edges(path: &[&str], text: &str) -> Imports {
    let (tokens, test_modules) = without_tests(text);
    let mut imports = Imports { edges: BTreeSet::new(), test_modules };
    let mut depth = path.len();
    // Depths of braces at which modules inside the file end.
    let mut inner = Vec::new();
    let mut braces = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Sign('{') => braces += 1,
            Token::Sign('}') => {
                braces = braces.saturating_sub(1);
                if inner.last() == Some(&braces) {
                    inner.pop();
                    depth -= 1;
                }
            }
            Token::Word(word) if word == "mod" && tokens.get(at + 2).is_some_and(|token| token.is_sign('{')) => {
                inner.push(braces);
                depth += 1;
            }
            Token::Word(word) if word == "crate" && !is_behind_path(&tokens, at) => {
                first_words(&tokens, at + 1, &mut imports.edges);
            }
            Token::Word(word) if word == "super" && !is_behind_path(&tokens, at) => {
                let mut climbs = 1;
                while tokens.get(at + 1) == Some(&Token::Path)
                    && tokens.get(at + 2).is_some_and(|next| next.is_word("super"))
                {
                    (climbs, at) = (climbs + 1, at + 2);
                }
                if climbs == depth {
                    first_words(&tokens, at + 1, &mut imports.edges);
                }
            }
            _ => {}
        }
        at += 1;
    }
    imports
}

/// The code of a file that is not for tests alone, and the modules in files of their own that are.
pub(crate) fn without_tests(text: &str) -> (Vec<Token>, Vec<String>) {
    let tokens = tokens(text);
    let (mut code, mut test_modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        if let Some(end) = test_attribute(&tokens, at) {
            at = item(&tokens, end, &mut test_modules);
        } else {
            code.push(tokens[at].clone());
            at += 1;
        }
    }
    (code, test_modules)
}

/// Whether a word goes on with a path, of which only `self::` says nothing.
fn is_behind_path(tokens: &[Token], at: usize) -> bool {
    at >= 2 && tokens[at - 1] == Token::Path && !tokens[at - 2].is_word("self")
}

/// The first words behind `::`: one, or those of a list in braces.
fn first_words(tokens: &[Token], at: usize, words: &mut BTreeSet<String>) {
    if tokens.get(at) != Some(&Token::Path) {
        return;
    }
    match tokens.get(at + 1) {
        Some(Token::Word(word)) => {
            words.insert(word.clone());
        }
        Some(Token::Sign('{')) => {
            let mut depth = 0_usize;
            let mut begins = false;
            for token in &tokens[at + 1..] {
                match token {
                    Token::Sign('{') => depth += 1,
                    Token::Sign('}') => depth -= 1,
                    Token::Word(word) if begins => {
                        words.insert(word.clone());
                    }
                    _ => {}
                }
                begins = depth == 1 && (token.is_sign('{') || token.is_sign(','));
                if depth == 0 {
                    break;
                }
            }
        }
        // Everything: no list of modules can be told from that.
        other => panic!("a path from the top of the library goes on with {other:?}: name what is meant"),
    }
}

/// Where the attribute at `at` ends, if it says that what follows is for tests alone.
fn test_attribute(tokens: &[Token], at: usize) -> Option<usize> {
    let end = attribute(tokens, at)?;
    let inside = &tokens[at..end];
    let is_for_tests =
        inside.iter().any(|token| token.is_word("test")) && !inside.iter().any(|token| token.is_word("not"));
    (inside.get(2)?.is_word("cfg") && is_for_tests).then_some(end)
}

/// Where the attribute at `at` ends, if one begins there.
fn attribute(tokens: &[Token], at: usize) -> Option<usize> {
    if !(tokens.get(at)?.is_sign('#') && tokens.get(at + 1)?.is_sign('[')) {
        return None;
    }
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at + 1) {
        match token {
            Token::Sign('[') => depth += 1,
            Token::Sign(']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index + 1);
        }
    }
    None
}

/// Where the item at `at` ends, behind its attributes; notes modules that are files of their own.
fn item(tokens: &[Token], mut at: usize, modules: &mut Vec<String>) -> usize {
    while let Some(end) = attribute(tokens, at) {
        at = end;
    }
    let words: Vec<&Token> = tokens[at..].iter().take(3).collect();
    if let [mark, Token::Word(name), Token::Sign(';')] = words[..]
        && mark.is_word("mod")
    {
        modules.push(name.clone());
    }
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token {
            Token::Sign('{' | '(' | '[') => depth += 1,
            Token::Sign(sign @ ('}' | ')' | ']')) => {
                depth -= 1;
                if depth == 0 && *sign == '}' && !tokens.get(index + 1).is_some_and(|next| next.is_sign(';')) {
                    return index + 1;
                }
            }
            Token::Sign(';') if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}
