//! Names for cases that tell nothing: ids may be patients'.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::super::results::{Results, condition};
use crate::network::sha256_hex;

/// Pairs of noise maps have no case behind them; their ids begin like this.
const NOISE: &str = "noise ";

/// What each case is called in reports and exports.
#[derive(Debug)]
pub struct Pseudonyms {
    names: HashMap<String, String>,
    /// Ids from the longest to the shortest, for texts that may hold them.
    ids: Vec<String>,
    open: bool,
    /// Texts that were asked for before: reasons are few, and each is given often.
    texts: Mutex<HashMap<String, String>>,
}

impl Pseudonyms {
    /// `case 0001` ... for every case, in the order of a hash of its id, which tells nothing of the id's own order; the
    /// same cases get the same names whatever was found about them. With `open` every case keeps its id.
    pub fn new(results: &Results, open: bool) -> Self {
        let mut ids: BTreeSet<&str> = BTreeSet::new();
        let mut before = "";
        for score in &results.scores {
            if score.image == before || is_noise(&score.condition, &score.image) {
                continue;
            }
            before = &score.image;
            ids.extend(score.image.split('|'));
        }
        ids.extend(results.exclusions.iter().flat_map(|exclusion| exclusion.image.split('|')));
        ids.remove("");
        let mut hashed: Vec<(String, &str)> = ids.into_iter().map(|id| (sha256_hex(id.as_bytes()), id)).collect();
        hashed.sort();
        let digits = hashed.len().to_string().len().max(4);
        let names: HashMap<String, String> = hashed
            .iter()
            .enumerate()
            .map(|(position, (_, id))| ((*id).to_owned(), format!("case {:0digits$}", position + 1)))
            .collect();
        let mut ids: Vec<String> = names.keys().cloned().collect();
        ids.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        Self { names, ids, open, texts: Mutex::default() }
    }

    /// What a case, or a pair of cases with `|` between, is called.
    pub fn label(&self, image: &str) -> String {
        if self.open {
            return image.to_owned();
        }
        if image.starts_with(NOISE) && !self.names.contains_key(image) {
            return image.to_owned();
        }
        let one = |id: &str| self.names.get(id).cloned().unwrap_or_else(|| "case".to_owned());
        image.split('|').map(one).collect::<Vec<_>>().join("|")
    }

    /// What a case is called; nothing where a name is needed and it has none, since nothing was found about it yet.
    pub fn known(&self, image: &str) -> Option<String> {
        if self.open { Some(image.to_owned()) } else { self.names.get(image).cloned() }
    }

    /// A text without ids and without anything that looks like a path.
    pub fn text(&self, text: &str) -> String {
        if self.open {
            return text.to_owned();
        }
        // A panic elsewhere cannot leave half an entry.
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.entry(text.to_owned()).or_insert_with(|| self.without_names(text)).clone()
    }

    fn without_names(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // Short ids are parts of ordinary words and numbers; such a text is told by its other words.
        for id in self.ids.iter().filter(|id| id.chars().count() >= 4) {
            if text.contains(id.as_str()) {
                text = text.replace(id.as_str(), &self.names[id]);
            }
        }
        let is_path = |word: &&str| {
            let word = word.trim_start_matches(['(', '"', '\'', '`']);
            word.starts_with('/') || word.starts_with('~') || word.contains('\\') || word.matches('/').count() > 1
        };
        let words = text.split(' ').map(|word| if is_path(&word) { "…" } else { word });
        words.collect::<Vec<_>>().join(" ").trim_end_matches([' ', '…', ':']).to_owned()
    }
}

fn is_noise(own: &str, image: &str) -> bool {
    own == condition::CONTROL && image.starts_with(NOISE)
}
