//! How much memory the images of a training may take.

use std::fs;

/// What is taken where the system does not tell how much is free, in bytes.
const UNKNOWN_BYTES: u64 = 4 << 30;

/// The part of free memory that images may take; the network's activations need the rest.
const SHARE: f64 = 0.5;

/// Memory that the images of a training may take where nobody says it, in bytes: half of what is free, or 4 GiB where the
/// system does not tell.
pub fn usual_memory_bytes() -> u64 {
    free_bytes().map_or(UNKNOWN_BYTES, |free| (free as f64 * SHARE) as u64)
}

/// What this process could still take, on Linux: of the machine, and of the group that it belongs to (a container).
fn free_bytes() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let number = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<u64>().ok();
    let group = number("memory.max").map(|most| most.saturating_sub(number("memory.current").unwrap_or(0)));
    machine.into_iter().chain(group).min()
}

/// `MemAvailable` of `/proc/meminfo`, which is in KiB.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_where_the_system_tells_it() {
        let told = "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n";
        assert_eq!(available(told), Some(8_000_000 * 1024));
        for text in ["", "MemAvailable: x kB", "MemAvailable: 12", "MemAvailable: 18446744073709551615 kB"] {
            assert_eq!(available(text), None, "{text}");
        }
        assert!(usual_memory_bytes() > 0);
    }
}
