//! Hidden folders for what is not finished, and what becomes of those whose program was ended.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

/// What the names of these folders begin with; letters and digits follow.
const PREFIX: &str = ".saliscope-";

/// Letters and digits behind it.
const RANDOM_LETTERS: usize = 6;

/// The file in such a folder that its program keeps locked. The system lets go of it when the program ends, however it ends.
const LOCK: &str = "in-use";

/// What that file begins with; the name of the machine follows.
const MARK: &str = "Unfinished files of saliscope. They may go once no program holds this file locked.\nMachine: ";

/// Most bytes that are read of it.
const LOCK_BYTES: u64 = 4096;

/// How often another folder is tried where somebody else takes the new one away.
const ATTEMPTS: usize = 8;

/// What was found of programs that were ended, to be told by whoever talks with the user.
static FOUND: Mutex<Leftovers> = Mutex::new(Leftovers { removed: Vec::new(), left: Vec::new() });

/// Folders of this program that are in use.
static IN_USE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Held for reading while files get their names.
static PUBLISHING: RwLock<()> = RwLock::new(());

/// To be held while several files get their names: the program is not ended between them. Not to be asked for twice by one
/// thread.
pub(crate) fn publishing() -> RwLockReadGuard<'static, ()> {
    PUBLISHING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Removes everything that is not finished and ends the program with this exit code, once no files are getting their names.
pub(crate) fn give_up(code: i32) -> ! {
    let _none = PUBLISHING.write().unwrap_or_else(PoisonError::into_inner);
    for folder in IN_USE.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // What stays is swept by the next program.
        let _ = clear(&folder);
    }
    std::process::exit(code)
}

/// Hidden folders that programs left behind which were ended before they were done. Their names say nothing of anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Those that are gone now.
    removed: Vec<String>,
    /// Those that look so and are not certain to be: of earlier versions, or of other machines.
    left: Vec<String>,
}

impl Leftovers {
    /// What was found since the last call.
    pub fn take() -> Self {
        std::mem::take(&mut *FOUND.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A sentence for each kind that was found.
    pub fn words(&self) -> Vec<String> {
        let listed = |names: &[String]| {
            let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
            let more = names.len() - shown.len();
            if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
        };
        let mut words = Vec::new();
        if !self.removed.is_empty() {
            words.push(format!(
                "an earlier run was ended before it was done; its unfinished files are removed ({})",
                listed(&self.removed)
            ));
        }
        if !self.left.is_empty() {
            words.push(format!(
                "what looks like unfinished files of another saliscope stays where it is; remove it if none is at work there ({})",
                listed(&self.left)
            ));
        }
        words
    }
}

/// A hidden folder for what is not finished; it goes with all that is in it. Should the program be ended before, the next one
/// that writes there takes it away.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    /// Locked where the file system can.
    lock: Option<File>,
}

impl Staging {
    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves all as it is, as a program does that is ended.
    #[cfg(test)]
    pub(crate) fn forget(mut self) -> PathBuf {
        self.lock = None;
        let path = self.path.clone();
        std::mem::forget(self);
        path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if cfg!(windows) {
            // A folder with a file that is open cannot be removed there.
            self.lock = None;
        }
        // Nobody can be told here; what stays is swept by the next program.
        let _ = clear(&self.path);
        IN_USE.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.path);
    }
}

/// A new one inside `folder`, after those of programs that were ended are swept from there.
///
/// # Errors
/// What the file system said, without a name.
pub(crate) fn staging_in(folder: &Path) -> io::Result<Staging> {
    sweep(folder);
    for _ in 0..ATTEMPTS {
        let made = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM_LETTERS).tempdir_in(folder);
        // The error of the crate has the name of the folder in the middle of its words.
        let path = made.map_err(|error| bare(&error))?.keep();
        match hold(&path) {
            Ok(Some(lock)) => {
                IN_USE.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
                return Ok(Staging { path, lock: Some(lock) });
            }
            // Swept by another program before it was locked.
            Ok(None) => {}
            Err(error) => {
                drop(Staging { path, lock: None });
                return Err(error);
            }
        }
    }
    Err(ErrorKind::Interrupted.into())
}

/// A file in `folder` that has no name: the system removes it with the program, however that ends.
///
/// # Errors
/// When none can be made there.
pub(crate) fn nameless_in(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder).map_err(|error| bare(&error))
}

/// The same error without the words that a crate put around it.
fn bare(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Locks a new folder; nothing where somebody else was faster.
fn hold(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let mut lock = match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match lock.try_lock() {
        // Where the file system has no locks, nobody sweeps.
        Ok(()) | Err(TryLockError::Error(_)) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
    }
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    lock.write_all(format!("{MARK}{}\n", machine()).as_bytes())?;
    Ok(Some(lock))
}

/// Removes hidden folders in `folder` whose program was ended, and notes them for [`Leftovers::take`].
pub(crate) fn sweep(folder: &Path) {
    // Who writes to a folder that cannot be listed is told so by what fails.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !has_name(&name) || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = name.to_string_lossy().into_owned();
        let found = || FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        match abandoned(&entry.path()) {
            Abandoned::Yes(lock) => {
                if cfg!(windows) {
                    drop(lock);
                }
                let removed = clear(&entry.path()).is_ok();
                let mut found = found();
                let names = if removed { &mut found.removed } else { &mut found.left };
                names.push(name);
            }
            Abandoned::Perhaps => found().left.push(name),
            Abandoned::No => {}
        }
    }
}

/// Whether a folder holds nothing but what [`sweep`] knows or suspects to be unfinished.
///
/// # Errors
/// When it cannot be listed.
pub(crate) fn is_empty(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !has_name(&entry.file_name()) || !entry.file_type()?.is_dir() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_name(name: &OsStr) -> bool {
    let letters = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    letters.is_some_and(|letters| {
        letters.len() == RANDOM_LETTERS && letters.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

/// Whether the program of a hidden folder was ended.
enum Abandoned {
    /// It was; nobody else can take the lock.
    Yes(File),
    /// The folder tells nothing about it, or it was on another machine, whose locks may not be seen here.
    Perhaps,
    /// It works.
    No,
}

fn abandoned(folder: &Path) -> Abandoned {
    let path = folder.join(LOCK);
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Abandoned::Perhaps,
        // Ended before it held anything, or about to. One that works makes another folder.
        Err(_) => return if fs::remove_dir(folder).is_ok() { Abandoned::No } else { Abandoned::Perhaps },
    }
    let Ok(mut lock) = OpenOptions::new().read(true).write(true).open(&path) else { return Abandoned::Perhaps };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Abandoned::No,
        Err(TryLockError::Error(_)) => return Abandoned::Perhaps,
    }
    let mut said = Vec::new();
    if (&mut lock).take(LOCK_BYTES).read_to_end(&mut said).is_err() {
        return Abandoned::Perhaps;
    }
    let is_alone = || fs::read_dir(folder).is_ok_and(|entries| entries.count() == 1);
    let is_ours = said == format!("{MARK}{}\n", machine()).as_bytes() || said.is_empty() && is_alone();
    if is_ours { Abandoned::Yes(lock) } else { Abandoned::Perhaps }
}

/// Removes a hidden folder, its lock last: one that is cut off here is still known for what it is.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    match fs::remove_file(folder.join(LOCK)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::remove_dir(folder)
}

/// The name of this machine, empty where it has none.
fn machine() -> String {
    let named = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = named.or_else(|| ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok()));
    named.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder as a program leaves it that is ended.
    fn leave(folder: &Path) -> PathBuf {
        let staging = staging_in(folder).unwrap();
        fs::write(staging.path().join("picture.png"), b"a patient").unwrap();
        fs::create_dir(staging.path().join("files")).unwrap();
        fs::write(staging.path().join("files/more"), b"a patient").unwrap();
        staging.forget()
    }

    #[test]
    fn what_an_ended_program_left_goes_and_what_another_works_on_stays() {
        let root = tempfile::tempdir().unwrap();
        let works = staging_in(root.path()).unwrap();
        fs::write(works.path().join("half"), b"").unwrap();
        let left = [leave(root.path()), root.path().join(".saliscope-000000")];
        fs::create_dir(&left[1]).unwrap();
        assert!(is_empty(root.path()).unwrap());
        let next = staging_in(root.path()).unwrap();
        assert!(left.iter().all(|left| !left.exists()), "swept, also one that was not yet locked");
        assert!(works.path().join("half").exists() && next.path().exists());
        drop((works, next));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_cut_off_at_any_moment_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let moments: [fn(&Path); 3] = [
            |left| fs::remove_file(left.join("picture.png")).unwrap(),
            |left| {
                fs::remove_dir_all(left.join("files")).unwrap();
                fs::remove_file(left.join("picture.png")).unwrap();
            },
            |left| {
                fs::remove_dir_all(left.join("files")).unwrap();
                fs::remove_file(left.join("picture.png")).unwrap();
                fs::write(left.join(LOCK), b"").unwrap();
            },
        ];
        for moment in moments {
            moment(&leave(root.path()));
            sweep(root.path());
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_merely_has_such_a_name_stays() {
        let root = tempfile::tempdir().unwrap();
        let [file, notes, folder, other, strange] =
            ["file00", "notes", "folder", "other0", "strang"].map(|name| root.path().join(format!("{PREFIX}{name}")));
        fs::write(&file, b"mine").unwrap();
        fs::write(&notes, b"mine").unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), b"mine").unwrap();
        // Of another machine, whose locks may not be seen here; and a lock with other words in it.
        for (path, said) in [(&other, format!("{MARK}elsewhere\n")), (&strange, "mine".to_owned())] {
            fs::create_dir(path).unwrap();
            fs::write(path.join(LOCK), said).unwrap();
        }
        drop(staging_in(root.path()).unwrap());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 5);
        assert!(folder.join("mine").exists() && other.join(LOCK).exists() && strange.join(LOCK).exists());
        assert!(!is_empty(root.path()).unwrap(), "a file is somebody's");
        #[cfg(unix)]
        {
            let elsewhere = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(leave(elsewhere.path()), root.path().join(".saliscope-link00")).unwrap();
            sweep(root.path());
            assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "a link is not followed");
        }
    }

    #[test]
    fn leftovers_are_named_in_a_sentence() {
        let names = |count: usize| (0..count).map(|number| format!(".saliscope-{number}")).collect::<Vec<_>>();
        let words = Leftovers { removed: names(5), left: names(1) }.words();
        assert!(words[0].ends_with("(.saliscope-0, .saliscope-1, .saliscope-2 and 2 more)"), "{words:?}");
        assert!(words[1].ends_with("(.saliscope-0)"), "{words:?}");
        assert!(Leftovers::default().words().is_empty());
    }
}
