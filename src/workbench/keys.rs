//! Which keys run which command: the defaults, and what the user assigned instead.

use std::collections::BTreeMap;

use egui::{Key, KeyboardShortcut, Modifiers};
use serde::{Deserialize, Serialize};

use super::command::Command;

/// Keys of a command as the settings keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chord {
    /// Ctrl, or Cmd on a Mac.
    pub command: bool,
    /// Shift.
    pub shift: bool,
    /// Alt.
    pub alt: bool,
    /// The key.
    pub key: Key,
}

impl From<KeyboardShortcut> for Chord {
    fn from(shortcut: KeyboardShortcut) -> Self {
        let modifiers = shortcut.modifiers;
        Self { command: modifiers.command, shift: modifiers.shift, alt: modifiers.alt, key: shortcut.logical_key }
    }
}

impl From<Chord> for KeyboardShortcut {
    fn from(chord: Chord) -> Self {
        let mut modifiers = Modifiers::NONE;
        if chord.command {
            modifiers = modifiers.plus(Modifiers::COMMAND);
        }
        if chord.shift {
            modifiers = modifiers.plus(Modifiers::SHIFT);
        }
        if chord.alt {
            modifiers = modifiers.plus(Modifiers::ALT);
        }
        Self::new(modifiers, chord.key)
    }
}

/// The key map in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMap {
    /// Commands whose keys are not the defaults.
    assigned: BTreeMap<Command, Vec<Chord>>,
}

impl KeyMap {
    /// The keys of a command.
    pub fn keys(&self, command: Command) -> Vec<KeyboardShortcut> {
        match self.assigned.get(&command) {
            Some(chords) => chords.iter().map(|chord| (*chord).into()).collect(),
            None => command.default_keys().to_vec(),
        }
    }

    /// The command that a shortcut runs, other than `except`.
    pub fn conflict(&self, shortcut: KeyboardShortcut, except: Command) -> Option<Command> {
        Command::all().find(|command| *command != except && self.keys(*command).contains(&shortcut))
    }

    /// Gives a command one shortcut instead of those it has.
    ///
    /// # Errors
    /// The command that has it already; nothing is changed then.
    pub fn assign(&mut self, command: Command, shortcut: KeyboardShortcut) -> Result<(), Command> {
        if let Some(other) = self.conflict(shortcut, command) {
            return Err(other);
        }
        self.assigned.insert(command, vec![shortcut.into()]);
        Ok(())
    }

    /// Takes a shortcut from whichever command has it; that command keeps its other ones.
    pub fn take(&mut self, shortcut: KeyboardShortcut) {
        for command in Command::all() {
            let keys = self.keys(command);
            if keys.contains(&shortcut) {
                let rest = keys.into_iter().filter(|key| *key != shortcut).map(Chord::from).collect();
                self.assigned.insert(command, rest);
            }
        }
    }

    /// Whether any command has other keys than its defaults.
    pub fn is_changed(&self) -> bool {
        !self.assigned.is_empty()
    }

    /// Takes all shortcuts from a command.
    pub fn clear(&mut self, command: Command) {
        self.assigned.insert(command, Vec::new());
    }

    /// Gives a command its defaults again, unless another command has one of them by now.
    ///
    /// # Errors
    /// The command that has one of them.
    pub fn reset(&mut self, command: Command) -> Result<(), Command> {
        for shortcut in command.default_keys() {
            if let Some(other) = self.conflict(*shortcut, command) {
                return Err(other);
            }
        }
        self.assigned.remove(&command);
        Ok(())
    }

    /// Whether the user changed the keys of a command.
    pub fn is_assigned(&self, command: Command) -> bool {
        self.assigned.contains_key(&command)
    }

    /// The commands whose keys were pressed since the last frame, the keys being taken out of the input. Keys without
    /// Ctrl or Alt belong to a text field while somebody types into it.
    pub fn pressed(&self, context: &egui::Context) -> Vec<Command> {
        let is_typing = context.egui_wants_keyboard_input();
        let mut all: Vec<(KeyboardShortcut, Command)> = Command::all()
            .flat_map(|command| self.keys(command).into_iter().map(move |shortcut| (shortcut, command)))
            .filter(|(shortcut, _)| !is_typing || shortcut.modifiers.command || is_function(shortcut.logical_key))
            .collect();
        // A shortcut with more modifiers goes first, for egui takes Ctrl+Z out of Ctrl+Shift+Z otherwise.
        all.sort_by_key(|(shortcut, _)| {
            let modifiers = shortcut.modifiers;
            std::cmp::Reverse([modifiers.command, modifiers.shift, modifiers.alt].iter().filter(|on| **on).count())
        });
        context.input_mut(|input| {
            all.iter().filter(|(shortcut, _)| input.consume_shortcut(shortcut)).map(|(_, command)| *command).collect()
        })
    }
}

fn is_function(key: Key) -> bool {
    key == Key::Escape || (Key::F1..=Key::F35).contains(&key)
}

/// A shortcut in words, such as `Ctrl+Shift+Z`; every letter of it is in every font.
pub fn words(shortcut: KeyboardShortcut) -> String {
    let modifiers = shortcut.modifiers;
    let control = if cfg!(target_os = "macos") { "Cmd" } else { "Ctrl" };
    let mut parts: Vec<&str> = Vec::new();
    for (is_held, name) in [(modifiers.command, control), (modifiers.shift, "Shift"), (modifiers.alt, "Alt")] {
        if is_held {
            parts.push(name);
        }
    }
    parts.push(match shortcut.logical_key {
        Key::ArrowUp => "Up",
        Key::ArrowDown => "Down",
        Key::ArrowLeft => "Left",
        Key::ArrowRight => "Right",
        Key::PageUp => "Page up",
        Key::PageDown => "Page down",
        Key::Escape => "Esc",
        Key::Minus => "-",
        key => key.symbol_or_name(),
    });
    parts.join("+")
}

/// All shortcuts of a command in words, with commas between.
pub fn all_words(shortcuts: &[KeyboardShortcut]) -> String {
    shortcuts.iter().map(|shortcut| words(*shortcut)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_one_command() {
        let mut map = KeyMap::default();
        let invert = map.keys(Command::Invert)[0];
        assert_eq!(map.assign(Command::Flip, invert), Err(Command::Invert));
        map.clear(Command::Invert);
        assert_eq!(map.assign(Command::Flip, invert), Ok(()));
        assert_eq!(map.keys(Command::Flip), [invert]);
        assert_eq!(map.reset(Command::Invert), Err(Command::Flip));
        assert_eq!(map.reset(Command::Flip), Ok(()));
        assert_eq!(map.reset(Command::Invert), Ok(()));
        assert_eq!(map, KeyMap::default());
    }

    #[test]
    fn a_taken_key_leaves_the_others_to_its_command() {
        let mut map = KeyMap::default();
        let [space, r] = map.keys(Command::ResetView)[..] else { panic!("two keys") };
        map.take(space);
        assert_eq!(map.keys(Command::ResetView), [r]);
        assert_eq!(map.assign(Command::Flip, space), Ok(()));
        assert!(map.is_changed());
    }

    #[test]
    fn words_need_no_special_font() {
        assert_eq!(words(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z)), "Ctrl+Shift+Z");
        assert_eq!(words(KeyboardShortcut::new(Modifiers::NONE, Key::OpenBracket)), "[");
        let all: Vec<String> = Command::all().map(|command| all_words(command.default_keys())).collect();
        assert!(all.iter().all(|words| words.is_ascii()), "{all:?}");
    }

    #[test]
    fn assigned_keys_survive_the_settings_file() {
        let mut map = KeyMap::default();
        let shortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::ALT), Key::F9);
        map.assign(Command::Invert, shortcut).unwrap();
        let text = serde_json::to_string(&map).unwrap();
        let read: KeyMap = serde_json::from_str(&text).unwrap();
        assert_eq!(read.keys(Command::Invert), [shortcut]);
    }
}
