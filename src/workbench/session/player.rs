//! What was chosen of the cascade player.

use serde::{Deserialize, Serialize};

use super::lenient::{lenient, lenient_list};
use crate::cascade::{Order, Randomizer};
use crate::display::{CascadeMode, Normalization};
use crate::reading::CascadeFile;
use crate::saliency::Method;
use crate::workbench::player::Player;

/// The choices of the cascade player; where it stands is none of them. What a file does not say, or says of something that
/// this program does not know, stays as the player begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedPlayer {
    /// Methods in rows.
    #[serde(deserialize_with = "lenient_list")]
    pub methods: Option<Vec<Method>>,
    /// Order of the blocks.
    #[serde(deserialize_with = "lenient")]
    pub order: Option<Order>,
    /// Seed of the random weights.
    #[serde(deserialize_with = "lenient")]
    pub seed: Option<u64>,
    /// Replicate of the random weights.
    #[serde(deserialize_with = "lenient")]
    pub replicate: Option<u64>,
    /// How many times as fast as an exported animation.
    #[serde(deserialize_with = "lenient")]
    pub speed: Option<f32>,
    /// Whether it begins again at the end.
    #[serde(deserialize_with = "lenient")]
    pub loops: Option<bool>,
    /// Whether states fade into each other.
    #[serde(deserialize_with = "lenient")]
    pub fades: Option<bool>,
    /// Which magnitudes fill the colours.
    #[serde(deserialize_with = "lenient")]
    pub normalization: Option<Normalization>,
    /// What is shown of a map.
    #[serde(deserialize_with = "lenient")]
    pub mode: Option<CascadeMode>,
    /// What is exported.
    #[serde(deserialize_with = "lenient_list")]
    pub files: Option<Vec<CascadeFile>>,
}

impl SavedPlayer {
    /// The choices of `player`.
    pub fn of(player: &Player) -> Self {
        Self {
            methods: Some(player.methods.clone()),
            order: Some(player.order),
            seed: Some(player.randomizer.seed),
            replicate: Some(player.randomizer.replicate),
            speed: Some(player.speed),
            loops: Some(player.loops),
            fades: Some(player.fades),
            normalization: Some(player.normalization),
            mode: Some(player.mode),
            files: Some(player.files.clone()),
        }
    }

    /// Sets the choices of `player`, as far as they can be had.
    pub fn restore(&self, player: &mut Player) {
        let [slowest, fastest] = Player::SPEED;
        let is_number = |number: &u64| *number <= Player::MOST_NUMBER;
        let before = player.clone();
        // Each once and in its order, whatever the file has.
        if let Some(methods) = &self.methods {
            player.methods = Method::ALL.into_iter().filter(|method| methods.contains(method)).collect();
        }
        if let Some(files) = &self.files {
            player.files = CascadeFile::ALL.into_iter().filter(|file| files.contains(file)).collect();
        }
        player.order = self.order.unwrap_or(before.order);
        player.randomizer = Randomizer {
            seed: self.seed.filter(is_number).unwrap_or(before.randomizer.seed),
            replicate: self.replicate.filter(is_number).unwrap_or(before.randomizer.replicate),
        };
        player.speed = self.speed.filter(|speed| (slowest..=fastest).contains(speed)).unwrap_or(before.speed);
        player.loops = self.loops.unwrap_or(before.loops);
        player.fades = self.fades.unwrap_or(before.fades);
        player.normalization = self.normalization.unwrap_or(before.normalization);
        player.mode = self.mode.unwrap_or(before.mode);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(text: &str) -> Player {
        let mut player = Player::default();
        serde_json::from_str::<SavedPlayer>(text).unwrap().restore(&mut player);
        player
    }

    #[test]
    fn choices_survive_text() {
        let mut player = Player::default();
        player.methods = vec![Method::Sg, Method::Xrai];
        player.order = Order::BottomUp;
        player.randomizer = Randomizer { seed: 7, replicate: 3 };
        player.speed = 2.5;
        (player.loops, player.fades) = (false, false);
        player.normalization = Normalization::LockedToOriginal;
        player.mode = CascadeMode::Difference;
        player.files = vec![CascadeFile::WebP];
        let text = serde_json::to_string(&SavedPlayer::of(&player)).unwrap();
        assert_eq!(restored(&text), player);
        let mut none = Player::default();
        (none.methods, none.files) = (Vec::new(), Vec::new());
        assert_eq!(restored(&serde_json::to_string(&SavedPlayer::of(&none)).unwrap()), none);
    }

    #[test]
    fn what_makes_no_sense_stays_as_the_player_begins_and_the_rest_is_read() {
        let usual = Player::default();
        assert_eq!(restored("{}"), usual);
        for text in [
            r#"{"order": "sideways"}"#,
            r#"{"speed": "fast"}"#,
            r#"{"speed": 1e39}"#,
            r#"{"speed": -1.0}"#,
            r#"{"speed": null}"#,
            r#"{"seed": -5}"#,
            r#"{"seed": 18446744073709551615}"#,
            r#"{"replicate": [1]}"#,
            r#"{"methods": "GRAD"}"#,
            r#"{"methods": ["NOPE", 7]}"#,
            r#"{"files": {"gif": true}}"#,
            r#"{"loops": "yes", "fades": 0, "mode": "inside out", "normalization": [], "of tomorrow": 1}"#,
        ] {
            assert_eq!(restored(text), usual, "{text}");
        }
        let mixed = restored(r#"{"order": 9, "methods": ["XRAI", "NOPE", "GRAD", "XRAI"], "seed": 4, "loops": false}"#);
        assert_eq!(mixed.methods, [Method::Grad, Method::Xrai]);
        assert_eq!((mixed.order, mixed.randomizer.seed, mixed.loops), (usual.order, 4, false));
    }
}
