//! Why nothing can be drawn.

/// Result of drawing off-screen.
pub type Result<T> = std::result::Result<T, Error>;

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no driver.
    #[error(
        "no graphics driver was found; on Debian and Ubuntu the package mesa-vulkan-drivers brings one that needs no \
         graphics card ({reason})"
    )]
    NoAdapter {
        /// What was tried.
        reason: String,
    },
    /// The driver gives no device.
    #[error("the graphics driver refused to start ({reason})")]
    Device {
        /// The driver's words.
        reason: String,
    },
    /// The picture did not come back.
    #[error("the picture could not be read back from the graphics driver ({reason})")]
    ReadBack {
        /// The driver's words.
        reason: String,
    },
    /// The picture is too large.
    #[error("a picture of {}x{} pixels is too large", size_px[0], size_px[1])]
    Size {
        /// Width and height.
        size_px: [u32; 2],
    },
}
