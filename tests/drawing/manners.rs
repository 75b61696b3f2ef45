//! What is kept on the card, and what is said where there is none.

use std::sync::Arc;

use saliscope::display::{Plane, Viewport};
use saliscope::drawing::{CasePicture, Error, Offscreen};

fn picture(side: usize) -> CasePicture {
    let plane = Arc::new(Plane::new([side, side], vec![5; side * side], 1.0, 0.0).unwrap());
    CasePicture::new(0, plane, Viewport::fit([64, 64], [side, side], 1.0))
}

#[test]
fn contents_are_copied_once() {
    let mut device = Offscreen::new().unwrap();
    let mut one = picture(64);
    device.case(&one).unwrap();
    let bytes = device.texture_bytes();
    one.viewport = one.viewport.panned([3.0, 4.0]).zoomed_at([9.0, 9.0], 2.0);
    one.gray.inverted = true;
    device.case(&one).unwrap();
    assert_eq!(device.texture_bytes(), bytes, "another view of the same");
    device.case(&picture(64)).unwrap();
    assert_eq!(device.texture_bytes(), bytes + 2 * 64 * 64, "another radiograph");
    one.viewport = Viewport::fit([16, 16], [64, 64], 1.0);
    device.case(&one).unwrap();
    assert_eq!(device.texture_bytes(), bytes + 2 * 64 * 64 + 2 * 16 * 16, "a smaller level for a smaller view");
}

#[test]
fn what_nobody_looks_at_is_dropped() {
    let mut device = Offscreen::new().unwrap();
    let mut most = 0;
    for _ in 0..400 {
        device.case(&picture(64)).unwrap();
        most = most.max(device.texture_bytes());
    }
    assert!(most < 150 * 2 * 64 * 64, "{most} bytes are kept");
}

#[test]
fn nothing_is_drawn_of_pictures_that_cannot_be() {
    let mut device = Offscreen::new().unwrap();
    let huge = CasePicture { viewport: Viewport::fit([1 << 20, 1 << 20], [64, 64], 1.0), ..picture(64) };
    assert!(matches!(device.case(&huge), Err(Error::Size { .. })));
    let empty = CasePicture { viewport: picture(64).viewport.resized([0, 5]), ..picture(64) };
    assert_eq!(device.case(&empty).unwrap().dimensions(), (0, 5));
}

#[test]
fn a_missing_driver_is_named() {
    let message = Error::NoAdapter { reason: "nothing found".to_owned() }.to_string();
    assert!(message.contains("mesa-vulkan-drivers") && message.ends_with("(nothing found)"), "{message}");
}
