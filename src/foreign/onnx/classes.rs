//! Names of the classes, where a file tells them.

/// Keys under which programs write them.
const KEYS: [&str; 6] = ["classes", "class_names", "labels", "names", "targets", "pathologies"];

/// The names that the metadata of a model give, if there is one for each class, and a word where there is not.
pub(super) fn classes(metadata: &[(&str, &str)], count: usize) -> (Option<Vec<String>>, Option<String>) {
    let found = metadata.iter().find(|(key, _)| KEYS.contains(&key.to_lowercase().as_str()));
    let Some((key, text)) = found else { return (None, None) };
    let names = parsed(text);
    if names.len() == count {
        return (Some(names), None);
    }
    (
        None,
        Some(format!("{key} in the file name {} classes, and the network has {count}: they are left out", names.len())),
    )
}

/// A list in JSON or in Python's words, numbered names, or names with commas between.
fn parsed(text: &str) -> Vec<String> {
    if let Ok(names) = serde_json::from_str::<Vec<String>>(text) {
        return names;
    }
    let inside = text.trim().trim_matches(['[', ']', '{', '}', '(', ')']);
    let name = |part: &str| {
        let part = part.trim();
        // 0: 'clear'
        let part = match part.split_once(':') {
            Some((number, name)) if number.trim().trim_matches(['"', '\'']).parse::<usize>().is_ok() => name,
            _ => part,
        };
        part.trim().trim_matches(['"', '\'']).to_owned()
    };
    inside.split([',', '\n']).map(name).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_where_there_is_one_for_each_class() {
        for text in
            ["[\"clear\", \"mass\"]", "{0: 'clear', 1: 'mass'}", "clear,mass", "{\"0\": \"clear\", \"1\": \"mass\"}"]
        {
            assert_eq!(
                classes(&[("names", text)], 2),
                (Some(vec!["clear".to_owned(), "mass".to_owned()]), None),
                "{text}"
            );
        }
        let (names, note) = classes(&[("classes", "a,b,c")], 2);
        assert_eq!(
            (names, note.unwrap()),
            (None, "classes in the file name 3 classes, and the network has 2: they are left out".to_owned())
        );
        assert_eq!(classes(&[("author", "a,b")], 2), (None, None));
    }
}
