//! Animations of a cascade: their time, their pictures, and their files read back frame by frame.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
#![allow(clippy::float_cmp, reason = "times are compared as they are")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;
use saliscope::cascade::animation::{Animation, AnimationOptions, AnimationRow, Format, NetworkStrip, encode};
use saliscope::cascade::{Error, Order, State};
use saliscope::display::{CascadeDisplay, CascadeMode, CascadeStack, GrayDisplay, Normalization, Plane, Viewport};
use saliscope::network::{Architecture, Variant};
use saliscope::saliency::Preset;
use saliscope::watch::Watch;

const SIDE: usize = 64;

fn map(state: usize, row: usize) -> Vec<f32> {
    let value = |pixel: usize| {
        let (x, y) = ((pixel % SIDE) as f32, (pixel / SIDE) as f32);
        0.5 + 0.5 * (0.1 * x * (1 + state) as f32 + 0.07 * y * (1 + row) as f32).sin()
    };
    (0..SIDE * SIDE).map(value).collect()
}

fn animation(states: usize, rows: usize) -> Animation {
    let architecture = Architecture::InceptionV3;
    let graph = architecture.graph(&Variant { width: 0.0625, ..architecture.usual_variant() });
    let mut all = State::all(&graph, Order::TopDown, Preset::Recommended);
    all.truncate(states);
    let gray = (0..SIDE * SIDE).map(|pixel| (pixel % SIDE * 1000) as u16).collect();
    let row = |row: usize| {
        let mut stack = CascadeStack::new([SIDE, SIDE], states);
        for state in 0..states {
            stack.set(state, map(state, row), [0.0, 1.0]);
        }
        let likeness = (0..states).map(|state| Some(1.0 / (1 + state) as f64)).collect();
        AnimationRow { name: format!("M{row}"), stack, likeness, baseline: Some(0.3) }
    };
    Animation {
        plane: Plane::new([SIDE, SIDE], gray, 1.0 / 65_535.0, 0.0).unwrap(),
        gray: GrayDisplay::default(),
        states: all.iter().map(|state| state.name.clone()).collect(),
        order: Order::TopDown,
        strip: NetworkStrip::new(&graph, &all),
        rows: (0..rows).map(row).collect(),
        measure: "SSIM at range 2".to_owned(),
        detail: "Explained: finding".to_owned(),
        caution: None,
        options: AnimationOptions { tile_px: SIDE as u32, ..AnimationOptions::default() },
    }
}

#[test]
fn states_stand_fade_and_begin_again() {
    let animation = animation(4, 1);
    let options = AnimationOptions { hold_secs: 1.0, fade_secs: 0.5, frames_per_second: 8.0, ..animation.options };
    let animation = Animation { options, ..animation };
    assert_eq!(animation.duration_secs(), 5.0 + 1.5);
    for (time, position) in [(0.0, 0.0), (0.99, 0.0), (1.25, 0.5), (1.5, 1.0), (2.4, 1.0), (4.5, 3.0), (6.4, 3.0)] {
        assert_eq!(animation.position(time), position, "at {time} s");
        assert!((animation.position(time + 6.5) - position).abs() < 1e-5, "at {time} s of the next round");
    }
    let frames = animation.frames();
    assert_eq!(frames.len(), 4 + 3 * 4);
    assert_eq!(frames.iter().map(|frame| u32::from(frame.delay_cs)).sum::<u32>(), 650);
    assert_eq!((frames[0].delay_cs, frames.last().unwrap().delay_cs), (100, 200));
    assert!((animation.position(frames[1].time_secs) - 0.125).abs() < 1e-6, "a frame shows the middle of its time");
    let still = Animation { options: AnimationOptions { fade_secs: 0.0, ..options }, ..animation };
    assert_eq!(still.frames().len(), 4);
    assert_eq!(still.position(1.0), 1.0);
}

#[test]
fn a_frame_is_a_function_of_time_and_its_maps_are_those_of_the_screen() {
    let mut animation = animation(3, 5);
    let [width, height] = animation.size_px();
    let viewport = Viewport::fit([SIDE as u32; 2], [SIDE, SIDE], 1.0);
    let step = animation.options.hold_secs + animation.options.fade_secs;
    for mode in [CascadeMode::OverRadiograph, CascadeMode::MapAlone, CascadeMode::Difference] {
        animation.options.mode = mode;
        for time in [0.0, animation.options.hold_secs + 0.1, step, 2.0 * step] {
            let frame = animation.draw(time).unwrap();
            assert_eq!((frame.width(), frame.height()), (width, height));
            assert!(frame == animation.draw(time).unwrap(), "drawn twice");
            let position = animation.position(time);
            let AnimationOptions { normalization, map, .. } = animation.options;
            let display = CascadeDisplay { position, normalization, mode, map };
            for row in &animation.rows {
                let tile = display.render(&animation.plane, &animation.gray, &row.stack, &viewport);
                let places = (0..=width - SIDE as u32).flat_map(|x| (0..=height - SIDE as u32).map(move |y| (x, y)));
                let found = places.into_iter().any(|(x, y)| {
                    (0..SIDE as u32).all(|at| frame.get_pixel(x + at, y + at) == tile.get_pixel(at, at))
                        && tile.enumerate_pixels().all(|(i, j, pixel)| frame.get_pixel(x + i, y + j) == pixel)
                });
                assert!(found, "the map of {} at {time} s in {mode:?}", row.name);
            }
        }
    }
    assert!(animation.draw(0.0).unwrap() != animation.draw(step).unwrap());
    // The text tells states apart even where maps are equal.
    for row in &mut animation.rows {
        row.stack.set(1, map(0, 9), [0.0, 1.0]);
        row.stack.set(0, map(0, 9), [0.0, 1.0]);
    }
    assert!(animation.draw(0.0).unwrap() != animation.draw(step).unwrap());
}

#[test]
fn locked_to_the_original_a_fading_map_fades() {
    let mut animation = animation(2, 1);
    animation.options.mode = CascadeMode::MapAlone;
    let weak: Vec<f32> = map(0, 0).iter().map(|value| value * 0.01).collect();
    animation.rows[0].stack.set_raw(0, map(0, 0));
    animation.rows[0].stack.set_raw(1, weak);
    let step = animation.options.hold_secs + animation.options.fade_secs;
    let light = |animation: &Animation| {
        let frame = animation.draw(step).unwrap();
        let [width, height] = [frame.width(), frame.height()];
        let middle = image::imageops::crop_imm(&frame, width / 2 - 30, height / 2 - 20, 60, 40).to_image();
        middle.pixels().map(|pixel| u64::from(pixel.0[0])).sum::<u64>()
    };
    let by_itself = light(&animation);
    animation.options.normalization = Normalization::LockedToOriginal;
    assert!(light(&animation) * 2 < by_itself);
}

/// A file in memory that outlives its writer.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn files(animation: &Animation, formats: &[Format]) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Kept> = BTreeMap::new();
    encode(animation, formats, &(), &mut |name| {
        Ok(Box::new(files.entry(name.to_owned()).or_default().clone()) as Box<dyn Write>)
    })
    .unwrap();
    files.into_iter().map(|(name, file)| (name, file.0.take())).collect()
}

#[test]
fn every_file_holds_every_frame_with_its_time() {
    let animation = animation(3, 2);
    let times = animation.frames();
    let drawn: Vec<RgbImage> = times.iter().map(|frame| animation.draw(frame.time_secs).unwrap()).collect();
    let files = files(&animation, &Format::ALL);
    assert!(files == self::files(&animation, &Format::ALL), "the same bytes every time");
    let [width, height] = animation.size_px();

    for (index, frame) in drawn.iter().enumerate() {
        let png = image::load_from_memory(&files[&format!("frames/frame_{index:03}.png")]).unwrap();
        assert!(png.to_rgb8() == *frame, "PNG {index}");
    }
    assert_eq!(files.len(), drawn.len() + 3);

    let mut apng = png::Decoder::new(Cursor::new(&files["animation.apng"])).read_info().unwrap();
    let control = *apng.info().animation_control().unwrap();
    assert_eq!((control.num_frames, control.num_plays), (drawn.len() as u32, 0));
    let mut buffer = vec![0; apng.output_buffer_size().unwrap()];
    for (index, frame) in drawn.iter().enumerate() {
        apng.next_frame(&mut buffer).unwrap();
        let delay = apng.info().frame_control().unwrap();
        assert_eq!((delay.delay_num, delay.delay_den), (times[index].delay_cs, 100));
        assert!(buffer[..] == frame.as_raw()[..], "APNG {index}");
    }

    let mut web = image_webp::WebPDecoder::new(Cursor::new(&files["animation.webp"])).unwrap();
    assert_eq!((web.dimensions(), web.num_frames()), ((width, height), drawn.len() as u32));
    assert_eq!(web.loop_count(), image_webp::LoopCount::Forever);
    let mut buffer = vec![0; web.output_buffer_size().unwrap()];
    for (index, frame) in drawn.iter().enumerate() {
        let delay = web.read_frame(&mut buffer).unwrap();
        assert_eq!(delay, u32::from(times[index].delay_cs) * 10);
        let channels = buffer.len() / (width * height) as usize;
        let rgb: Vec<u8> = buffer.chunks_exact(channels).flat_map(|pixel| pixel[..3].to_vec()).collect();
        assert!(rgb[..] == frame.as_raw()[..], "WebP {index}");
    }

    let mut gif = gif::DecodeOptions::new();
    gif.set_color_output(gif::ColorOutput::RGBA);
    let mut gif = gif.read_info(Cursor::new(&files["animation.gif"])).unwrap();
    assert_eq!((u32::from(gif.width()), u32::from(gif.height())), (width, height));
    assert_eq!(gif.repeat(), gif::Repeat::Infinite);
    for (index, frame) in drawn.iter().enumerate() {
        let read = gif.read_next_frame().unwrap().unwrap();
        assert_eq!(read.delay, times[index].delay_cs);
        let errors = read
            .buffer
            .chunks_exact(4)
            .zip(frame.pixels())
            .flat_map(|(a, b)| [0, 1, 2].map(|channel| u32::from(a[channel].abs_diff(b.0[channel]))));
        let errors: Vec<u32> = errors.collect();
        let mean = f64::from(errors.iter().sum::<u32>()) / errors.len() as f64;
        assert!(mean < 1.5, "GIF {index}: mean error {mean}");
        assert!(*errors.iter().max().unwrap() < 48, "GIF {index}: largest error {:?}", errors.iter().max());
    }
    assert!(gif.read_next_frame().unwrap().is_none());
}

/// Stops once two frames are drawn.
#[derive(Default)]
struct AtTwo(AtomicUsize);

impl Watch for AtTwo {
    fn progress(&self, done: usize, total: usize) {
        assert!(done < total);
        self.0.store(done, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 2
    }
}

#[test]
fn encoding_can_be_stopped_and_says_when_it_cannot_write() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let animation = animation(2, 1);
    let mut kept = |_: &str| Ok(Box::new(Kept::default()) as Box<dyn Write>);
    let drawn = AtTwo::default();
    let stopped = encode(&animation, &[Format::Apng], &drawn, &mut kept);
    assert!(matches!(stopped, Err(Error::Cancelled)) && drawn.0.into_inner() == 2);
    for format in Format::ALL {
        let failed = encode(&animation, &[format], &(), &mut |_| Ok(Box::new(Full) as Box<dyn Write>));
        assert!(matches!(failed, Err(Error::Encode { .. })), "{format}");
    }
    assert!("mp4".parse::<Format>().is_err());
}
