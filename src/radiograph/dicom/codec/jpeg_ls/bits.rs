//! Bits of an entropy-coded segment: most significant first, one stuffed zero bit after each byte 0xFF
//! (T.87, section A.1).

/// Why decoding stopped inside a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// No bits are left.
    Short,
    /// A code that no encoder writes.
    Invalid,
}

/// Reads the bits of one segment, which must not hold a marker.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits not yet taken, the next one at the top; below them zeros.
    cache: u64,
    /// Number of them.
    count: u32,
    after_ff: bool,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, cache: 0, count: 0, after_ff: false }
    }

    fn refill(&mut self) {
        while self.count <= 56
            && let Some((&byte, rest)) = self.bytes.split_first()
        {
            self.bytes = rest;
            let width = if self.after_ff { 7 } else { 8 };
            self.cache |= u64::from(byte) << (64 - self.count - width);
            self.count += width;
            self.after_ff = byte == 0xff;
        }
    }

    fn drop_bits(&mut self, count: u32) {
        // Two steps, because a shift by 64 is none.
        self.cache = (self.cache << (count / 2)) << (count - count / 2);
        self.count -= count;
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Stop> {
        if count == 0 {
            return Ok(0);
        }
        if self.count < count {
            self.refill();
            if self.count < count {
                return Err(Stop::Short);
            }
        }
        let value = (self.cache >> (64 - count)) as u32;
        self.drop_bits(count);
        Ok(value)
    }

    /// The number of zeros before the next one, which is taken as well; at most `max`.
    pub(super) fn zeros(&mut self, max: u32) -> Result<u32, Stop> {
        let mut zeros = 0;
        loop {
            if self.count < 32 {
                self.refill();
            }
            if self.count == 0 {
                return Err(Stop::Short);
            }
            let run = self.cache.leading_zeros().min(self.count);
            zeros += run;
            if zeros > max {
                return Err(Stop::Invalid);
            }
            if run < self.count {
                self.drop_bits(run + 1);
                return Ok(zeros);
            }
            self.drop_bits(run);
        }
    }
}
