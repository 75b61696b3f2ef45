//! Files of the window's own: read with suspicion, written whole or not at all, a few seconds after a change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::session::Session;
use super::settings::Settings;
use crate::files::{self, Readers};
use crate::job::{Ending, Jobs, Lane, Start};
use crate::limits;

/// Name of the settings' file, without its ending.
pub(super) const SETTINGS: &str = "settings";

/// Name of the session's file, without its ending.
pub(super) const SESSION: &str = "session";

/// Layout of both files. A higher number is a newer program's.
const VERSION: u32 = 1;

/// Most files of one name that are put aside.
const MOST_ASIDE: usize = 1000;

/// Time from a change to the file: a crash loses no more.
const DELAY: Duration = Duration::from_secs(3);

/// How long the folder of both files may take to answer before the window opens without them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest text in which every entry is compared with what was read of it; of longer ones only what could not be read is told.
const COMPARED_BYTES: usize = 8 << 20;

/// What is in a file.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    content: T,
}

/// The same of a file whose content may be anything.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

/// What was found in a file.
pub(super) enum Found<T> {
    /// What it holds.
    Value(T),
    /// What could be read of it; the file was copied aside, and a sentence about it.
    Part(T, String),
    /// There is no such file.
    Nothing,
    /// It could not be read and was put aside; a sentence about it.
    Unreadable(String),
}

/// Whether the files of `home` can be opened at all. On a disk or share that does not answer, nobody may wait for them.
pub(super) fn answers(home: &Path) -> bool {
    let paths = [SETTINGS, SESSION].map(|name| home.join(format!("{name}.json")));
    within(PATIENCE, move || {
        for path in paths {
            // What is wrong with them is told by whoever reads them.
            let _ = files::Source::open(&path, u64::MAX).and_then(|mut file| file.head(1));
        }
    })
    .is_some()
}

/// What `work` gives, unless it takes longer than `patience`: it goes on then, and nobody waits for it.
pub(super) fn within<T: Send + 'static>(patience: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = sync_channel(1);
    let thread = std::thread::Builder::new().name("files that may not answer".to_owned());
    // Nobody waits any more where sending fails; where no thread can be had, nothing else would go either.
    thread.spawn(move || drop(sender.send(work()))).ok()?;
    receiver.recv_timeout(patience).ok()
}

/// Reads a file of `home`. One that cannot be read is renamed, so that nobody loses it and the next start is a clean one; one
/// that can be read in part is copied.
pub(super) fn read<T: DeserializeOwned + Serialize>(home: &Path, name: &str) -> Found<T> {
    let path = home.join(format!("{name}.json"));
    let problem = match files::read_text(&path, limits::SESSION_BYTES) {
        Err(error) if error.is_missing() => return Found::Nothing,
        Ok(text) => match parse(&text) {
            Ok((value, true)) => return Found::Value(value),
            Ok((value, false)) => {
                let kept = free_name(home, name).filter(|aside| fs::copy(&path, home.join(aside)).is_ok());
                let kept = kept.map_or_else(String::new, |aside| format!("; the whole file is kept as {aside}"));
                let note = format!("{name}.json holds what this saliscope does not know, and the rest was used{kept}");
                return Found::Part(value, note);
            }
            Err(problem) => problem,
        },
        Err(error) => format!("cannot be read ({error})"),
    };
    let stays = || "it stays where it is until it is written anew".to_owned();
    let kept = match free_name(home, name) {
        Some(aside) => {
            fs::rename(&path, home.join(&aside)).map_or_else(|_| stays(), |()| format!("it is kept as {aside}"))
        }
        None => stays(),
    };
    Found::Unreadable(format!("{name}.json {problem} and was not used; {kept}"))
}

/// A name for a file put aside that nothing has: what was put aside earlier stays.
fn free_name(home: &Path, name: &str) -> Option<String> {
    let named = |number: usize| match number {
        1 => format!("{name}.unread.json"),
        number => format!("{name}.unread-{number}.json"),
    };
    (1..=MOST_ASIDE).map(named).find(|aside| home.join(aside).symlink_metadata().is_err())
}

/// What a file says, and whether that is all of it.
fn parse<T: DeserializeOwned + Serialize>(text: &str) -> Result<(T, bool), String> {
    let damaged = |_| "is damaged".to_owned();
    let Head { version } = serde_json::from_str(text).map_err(damaged)?;
    if version > u64::from(VERSION) {
        return Err("was written by a newer saliscope".to_owned());
    }
    if let Ok(file) = serde_json::from_str::<Versioned<T>>(text) {
        let is_whole = || -> serde_json::Result<bool> {
            Ok(text.len() > COMPARED_BYTES || holds(&serde_json::to_value(&file)?, &serde_json::from_str(text)?))
        };
        let is_whole = is_whole().map_err(damaged)?;
        return Ok((file.content, is_whole));
    }
    let unknown = "holds what this saliscope does not know";
    match serde_json::from_str::<Versioned<Value>>(text).map_err(damaged)?.content {
        Value::Object(members) => sound(members).map(|read| (read, false)).ok_or_else(|| unknown.to_owned()),
        _ => Err(unknown.to_owned()),
    }
}

/// What of an object can be read, member by member and in lists item by item; all else has its default.
fn sound<T: DeserializeOwned>(members: Map<String, Value>) -> Option<T> {
    let reads = |name: &str, value: &Value| {
        let alone = Map::from_iter([(name.to_owned(), value.clone())]);
        serde_json::from_value::<T>(alone.into()).is_ok()
    };
    let sound = members.into_iter().filter_map(|(name, value)| match value {
        value if reads(&name, &value) => Some((name, value)),
        Value::Array(items) => {
            let items = items.into_iter().filter(|item| reads(&name, &Value::from(vec![item.clone()])));
            let items = Value::from(items.collect::<Vec<_>>());
            reads(&name, &items).then_some((name, items))
        }
        _ => None,
    });
    serde_json::from_value(sound.collect::<Map<_, _>>().into()).ok()
}

/// Whether every member of `said` has a place in `read`, however deep.
fn holds(read: &Value, said: &Value) -> bool {
    match (read, said) {
        (Value::Object(read), Value::Object(said)) => said.iter().all(|(name, said)| {
            let place = read.get(name);
            place.map_or(said.is_null(), |read| holds(read, said))
        }),
        (Value::Array(read), Value::Array(said)) => {
            read.len() == said.len() && read.iter().zip(said).all(|(read, said)| holds(read, said))
        }
        // Numbers may come back with other last digits, and lists of choices in another order.
        _ => true,
    }
}

/// Writes a file of `home`, whole or not at all. Paths may be names of patients: nobody else reads it.
fn write<T: Serialize>(home: &Path, name: &str, content: &T) -> std::io::Result<()> {
    fs::create_dir_all(home)?;
    let text = serde_json::to_string(&Versioned { version: VERSION, content })?;
    if text.len() as u64 > limits::SESSION_BYTES {
        let text = "more is open than a session can keep; the last one that was smaller stays";
        return Err(std::io::Error::other(text));
    }
    files::write(&home.join(format!("{name}.json")), text.as_bytes(), Readers::Owner)
}

/// What lies on the disk, and which save put it there.
#[derive(Default)]
struct OnDisk {
    save: u64,
    session: Option<Session>,
    settings: Option<Settings>,
}

/// Saves session and settings.
#[derive(Default)]
pub(super) struct Keeper {
    changed: Option<Instant>,
    saves: u64,
    on_disk: Arc<Mutex<OnDisk>>,
    has_failed: Arc<AtomicBool>,
}

impl Keeper {
    /// Notes that something changed that is saved.
    pub(super) fn touch(&mut self) {
        self.changed.get_or_insert_with(Instant::now);
    }

    /// Whether it is time to save; where it will be, the window is woken then.
    pub(super) fn is_due(&mut self, context: &egui::Context) -> bool {
        let Some(changed) = self.changed else { return false };
        let left = DELAY.saturating_sub(changed.elapsed());
        if left > Duration::ZERO {
            context.request_repaint_after(left);
            return false;
        }
        self.changed = None;
        true
    }

    /// Saves in the background. That it fails is told once, and again after it worked.
    pub(super) fn save_later(&mut self, jobs: &Jobs, home: PathBuf, session: Session, settings: Settings) {
        self.saves += 1;
        let (save, on_disk, has_failed) = (self.saves, Arc::clone(&self.on_disk), Arc::clone(&self.has_failed));
        let start = Start { name: "Save the session".to_owned(), lane: Lane::Write, urgent: false, listed: false };
        jobs.start(start, move |_| match save_to(&home, save, &on_disk, session, settings) {
            Ok(()) => {
                has_failed.store(false, Ordering::Relaxed);
                Ending::Done(None)
            }
            Err(_) if has_failed.swap(true, Ordering::Relaxed) => Ending::Done(None),
            Err(error) => Ending::Failed(format!("session and settings cannot be saved: {}", files::words(&error))),
        });
    }

    /// Saves at once; where the folder does not answer, it is not waited for.
    pub(super) fn save_now(&mut self, home: &Path, session: Session, settings: Settings) -> std::io::Result<()> {
        if !answers(home) {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.saves += 1;
        save_to(home, self.saves, &self.on_disk, session, settings)
    }
}

/// Writes what is not on the disk yet, unless something newer is.
fn save_to(
    home: &Path,
    save: u64,
    on_disk: &Mutex<OnDisk>,
    session: Session,
    settings: Settings,
) -> std::io::Result<()> {
    let mut on_disk = on_disk.lock().unwrap_or_else(PoisonError::into_inner);
    if on_disk.save > save {
        return Ok(());
    }
    if on_disk.settings.as_ref() != Some(&settings) {
        write(home, SETTINGS, &settings)?;
        on_disk.settings = Some(settings);
    }
    if on_disk.session.as_ref() != Some(&session) {
        write(home, SESSION, &session)?;
        on_disk.session = Some(session);
    }
    on_disk.save = save;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable<T: DeserializeOwned + Serialize>(home: &Path, name: &str, bytes: &[u8]) -> String {
        fs::write(home.join(format!("{name}.json")), bytes).unwrap();
        let Found::Unreadable(note) = read::<T>(home, name) else { panic!("{name} was read") };
        let (_, aside) = note.split_once("it is kept as ").unwrap();
        assert_eq!(fs::read(home.join(aside)).unwrap(), bytes);
        assert!(matches!(read::<T>(home, name), Found::Nothing), "put aside");
        note
    }

    #[test]
    fn what_was_written_is_read() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().join("a new folder");
        let mut keeper = Keeper::default();
        let settings = Settings { ui_scale: 1.5, ..Settings::default() };
        keeper.save_now(&home, Session::default(), settings.clone()).unwrap();
        assert!(matches!(read::<Settings>(&home, SETTINGS), Found::Value(read) if read == settings));
        assert!(matches!(read::<Session>(&home, SESSION), Found::Value(read) if read == Session::default()));
        assert_eq!(fs::read_dir(&home).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn damaged_and_newer_files_are_put_aside() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let mut keeper = Keeper::default();
        keeper.save_now(home, Session::default(), Settings::default()).unwrap();
        let whole = fs::read(home.join("session.json")).unwrap();
        for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
            assert!(unreadable::<Session>(home, SESSION, &whole[..cut]).contains("damaged"), "{cut}");
        }
        assert!(unreadable::<Session>(home, SESSION, b"{\"version\": 2, \"content\": 7}").contains("newer"));
        assert!(unreadable::<Session>(home, SESSION, b"{\"version\": 1, \"content\": 7}").contains("does not know"));
        assert!(unreadable::<Session>(home, SESSION, b"[1, 2]").contains("damaged"));
        assert!(unreadable::<Settings>(home, SETTINGS, &[0xff, 0xfe, 0x00]).contains("cannot be read"));
        let nested = "[".repeat(100_000);
        assert!(unreadable::<Session>(home, SESSION, nested.as_bytes()).contains("damaged"));
        // Nothing that was put aside went over another: 8 of sessions and one of settings.
        assert_eq!(fs::read_dir(home).unwrap().count(), 9);
        assert_eq!(fs::read(home.join("session.unread-2.json")).unwrap(), &whole[..1]);
    }

    #[test]
    fn what_is_not_known_is_kept_aside_and_the_rest_is_used() {
        use crate::workbench::session::SavedCase;
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let session = |content: &str| format!(r#"{{"version": 1, "content": {content}}}"#);
        let path = r#"{"file": "/images/a.dcm"}"#;
        let kept = r#""has_inspector": false"#;
        let unknown = [
            // A member that another version has, at any depth.
            session(&format!(r#"{{"cases": [{path}], {kept}, "later": [1, 2]}}"#)),
            session(&format!(r#"{{"cases": [{path}], {kept}, "shown": {{"later": 7}}}}"#)),
            format!(r#"{{"version": 1, "later": 1, "content": {{"cases": [{path}], {kept}}}}}"#),
            // Values that another version knows: a view, a parameter, a kind of case among others.
            session(&format!(r#"{{"cases": [{path}], {kept}, "view": "later"}}"#)),
            session(&format!(r#"{{"cases": [{path}], {kept}, "question": {{"preset": 7}}}}"#)),
            session(&format!(r#"{{"cases": [{{"later": 7}}, {path}], {kept}, "cohorts": 7}}"#)),
        ];
        for (number, text) in unknown.iter().enumerate() {
            fs::write(home.join("session.json"), text).unwrap();
            let Found::Part(found, note) = read::<Session>(home, SESSION) else { panic!("{text}") };
            assert_eq!(found.cases, [SavedCase::File("/images/a.dcm".into())], "{text}");
            assert!(!found.has_inspector, "{text}");
            let aside = note.rsplit(' ').next().unwrap();
            assert_eq!(fs::read_to_string(home.join(aside)).unwrap(), *text);
            assert_eq!(fs::read_dir(home).unwrap().count(), number + 2, "the session itself stays as well");
        }
        fs::write(home.join("settings.json"), r#"{"version": 1, "content": {"ui_scale": 1.5, "later": 1}}"#).unwrap();
        assert!(matches!(read::<Settings>(home, SETTINGS), Found::Part(found, _) if found.ui_scale == 1.5));
        let known = session(&format!(r#"{{"cases": [{path}], {kept}, "asked": null}}"#));
        fs::write(home.join("session.json"), known).unwrap();
        assert!(matches!(read::<Session>(home, SESSION), Found::Value(_)));
    }

    #[test]
    fn more_than_a_million_cases_come_back() {
        use crate::workbench::session::SavedCase;
        let home = tempfile::tempdir().unwrap();
        let path =
            |case: usize| format!("/data/radiographs/of/a/large/hospital/{case:09}/chest_posterior_anterior.dcm");
        let cases: Vec<SavedCase> = (0..1_200_000).map(|case| SavedCase::File(path(case).into())).collect();
        let session = Session { cases, ..Session::default() };
        Keeper::default().save_now(home.path(), session.clone(), Settings::default()).unwrap();
        assert!(home.path().join("session.json").metadata().unwrap().len() > 64 << 20);
        assert!(matches!(read::<Session>(home.path(), SESSION), Found::Value(read) if read == session));
    }

    #[test]
    fn a_folder_that_does_not_answer_is_not_waited_for() {
        let (_answer, asked) = sync_channel::<()>(0);
        assert_eq!(within(Duration::from_millis(10), move || asked.recv().is_ok()), None);
        assert_eq!(within(PATIENCE, || 7), Some(7));
        let home = tempfile::tempdir().unwrap();
        assert!(answers(home.path()), "nothing there is an answer");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_put_aside_and_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let session = home.path().join("session.json");
        let is_unreadable = |told: &str| {
            let Found::Unreadable(note) = read::<Session>(home.path(), SESSION) else { panic!("a session was read") };
            assert!(note.contains(told), "{note}");
            assert!(matches!(read::<Session>(home.path(), SESSION), Found::Nothing), "put aside");
        };
        assert!(std::process::Command::new("mkfifo").arg(&session).status().unwrap().success());
        is_unreadable("no regular file");
        std::os::unix::fs::symlink("/dev/zero", &session).unwrap();
        is_unreadable("no regular file");
        fs::File::create(&session).unwrap().set_len(8 << 30).unwrap();
        is_unreadable("larger than 512 MiB");
        fs::create_dir(&session).unwrap();
        is_unreadable("folder");
    }

    #[test]
    fn an_older_save_does_not_replace_a_newer_one() {
        let home = tempfile::tempdir().unwrap();
        let on_disk = Mutex::default();
        let of_scale = |ui_scale| Settings { ui_scale, ..Settings::default() };
        save_to(home.path(), 2, &on_disk, Session::default(), of_scale(2.0)).unwrap();
        save_to(home.path(), 1, &on_disk, Session::default(), of_scale(1.0)).unwrap();
        assert!(matches!(read::<Settings>(home.path(), SETTINGS), Found::Value(read) if read.ui_scale == 2.0));
    }

    #[test]
    fn a_failed_save_leaves_the_old_file() {
        let home = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::default();
        keeper.save_now(home.path(), Session::default(), Settings::default()).unwrap();
        let blocked = home.path().join("session.json").join("below a file");
        assert!(
            keeper
                .save_now(&blocked, Session { has_inspector: false, ..Session::default() }, Settings::default())
                .is_err()
        );
        assert!(matches!(read::<Session>(home.path(), SESSION), Found::Value(read) if read.has_inspector));
    }
}
