//! Lines of text that fit their width.

use super::{Result, TextStyle, text_width_px};

/// `text` in lines no wider than `width_px`, broken between words, and inside words that are wider by themselves.
///
/// # Errors
/// When the text cannot be laid out.
pub fn wrapped(text: &str, style: TextStyle, width_px: f64) -> Result<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let longer = match lines.last() {
            Some(line) => format!("{line} {word}"),
            None => word.to_owned(),
        };
        match lines.last_mut() {
            Some(line) if text_width_px(&longer, style)? <= width_px => *line = longer,
            _ => lines.extend(pieces(word, style, width_px)?),
        }
    }
    Ok(lines)
}

/// Signs after which a word may be broken.
const SEPARATORS: [char; 4] = ['_', '-', '/', '.'];

/// A word in as few pieces as fit, broken behind a separator where that is not far back; each has one letter at least.
fn pieces(word: &str, style: TextStyle, width_px: f64) -> Result<Vec<String>> {
    if text_width_px(word, style)? <= width_px {
        return Ok(vec![word.to_owned()]);
    }
    let mut pieces = vec![String::new()];
    for letter in word.chars() {
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
            if piece.chars().count() == 1 || text_width_px(piece, style)? <= width_px {
                continue;
            }
            piece.pop();
            let behind = piece.char_indices().rev().find(|(_, letter)| SEPARATORS.contains(letter));
            if let Some((at, separator)) = behind.filter(|(at, _)| *at * 3 >= piece.len()) {
                let mut rest = piece.split_off(at + separator.len_utf8());
                rest.push(letter);
                pieces.push(rest);
                continue;
            }
        }
        pieces.push(letter.to_string());
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: TextStyle = TextStyle::regular(14.0, [0; 3]);

    #[test]
    fn lines_keep_to_the_width_and_lose_nothing() {
        let text = "a sentence of several words and one_very_long_name_that_fits_nowhere_at_all end";
        let lines = wrapped(text, STYLE, 120.0).unwrap();
        assert!(lines.len() > 4, "{lines:?}");
        for line in &lines {
            assert!(text_width_px(line, STYLE).unwrap() <= 120.0, "{line}");
        }
        assert_eq!(wrapped("pneumothorax_inception_v3", STYLE, 100.0).unwrap(), ["pneumothorax_", "inception_v3"]);
        let letters = |text: &str| text.replace(' ', "");
        assert_eq!(letters(&lines.concat()), letters(text));
        assert_eq!(wrapped(text, STYLE, 1e4).unwrap(), [text]);
        assert!(wrapped("", STYLE, 10.0).unwrap().is_empty());
    }

    #[test]
    fn a_width_of_nothing_still_ends() {
        assert_eq!(wrapped("ab c", STYLE, 0.0).unwrap(), ["a", "b", "c"]);
    }
}
