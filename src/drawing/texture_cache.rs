//! Textures by the identity of their content, copied once and dropped when unused.

use std::collections::HashMap;

use crate::display::{ColourMap, ContentId};

/// Frames that a texture may lie unused.
const PATIENCE_FRAMES: u64 = 120;
/// Bytes above which textures that the last frame did not use are dropped, the longest unused first.
const MOST_BYTES: u64 = 512 << 20;

/// What a texture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A level of a plane.
    Plane(ContentId, usize),
    /// A VOI lookup table of a plane.
    Tone(ContentId, usize),
    /// A colour map.
    Colours(ColourMap),
    /// A map.
    Map(ContentId),
    /// The maps of a cascade.
    Stack(ContentId),
    /// No maps of a cascade.
    NoStack,
    /// One value, where a binding needs a texture and there is none.
    Nothing,
}

/// A texture on the card.
pub(super) struct Cached {
    /// Different for every texture ever made here.
    pub(super) serial: u64,
    pub(super) texture: wgpu::Texture,
    pub(super) view: wgpu::TextureView,
    /// What each layer holds.
    pub(super) layers: Vec<Option<ContentId>>,
    bytes: u64,
    used_in_frame: u64,
}

#[derive(Default)]
pub(super) struct TextureCache {
    cached: HashMap<Key, Cached>,
    frame: u64,
    next_serial: u64,
}

impl TextureCache {
    /// Begins another frame, and drops what nobody uses.
    pub(super) fn next_frame(&mut self) {
        let last = self.frame;
        self.frame += 1;
        self.cached.retain(|_, cached| last - cached.used_in_frame <= PATIENCE_FRAMES);
        let mut bytes: u64 = self.bytes();
        if bytes <= MOST_BYTES {
            return;
        }
        let mut unused: Vec<(u64, u64, Key)> = self
            .cached
            .iter()
            .filter(|(_, cached)| cached.used_in_frame < last)
            .map(|(key, cached)| (cached.used_in_frame, cached.serial, *key))
            .collect();
        unused.sort_unstable_by_key(|(used_in_frame, serial, _)| (*used_in_frame, *serial));
        for (_, _, key) in unused {
            if bytes <= MOST_BYTES {
                break;
            }
            bytes -= self.cached.remove(&key).map_or(0, |cached| cached.bytes);
        }
    }

    /// Bytes of all textures.
    pub(super) fn bytes(&self) -> u64 {
        self.cached.values().map(|cached| cached.bytes).sum()
    }

    /// Marks a texture as used, made by `make` where it is not there: the texture, its layers, its view's dimension.
    pub(super) fn use_or_make(
        &mut self,
        key: Key,
        make: impl FnOnce() -> (wgpu::Texture, wgpu::TextureViewDimension),
    ) -> &mut Cached {
        let Self { cached, frame, next_serial } = self;
        let cached = cached.entry(key).or_insert_with(|| {
            let (texture, dimension) = make();
            let view = texture.create_view(&wgpu::TextureViewDescriptor {
                dimension: Some(dimension),
                ..wgpu::TextureViewDescriptor::default()
            });
            let size = texture.size();
            let texel_bytes = u64::from(texture.format().block_copy_size(None).unwrap_or(4));
            let texels = u64::from(size.width) * u64::from(size.height) * u64::from(size.depth_or_array_layers);
            *next_serial += 1;
            Cached {
                serial: *next_serial,
                view,
                layers: vec![None; size.depth_or_array_layers as usize],
                bytes: texels * texel_bytes,
                used_in_frame: 0,
                texture,
            }
        });
        cached.used_in_frame = *frame;
        cached
    }

    pub(super) fn get(&self, key: Key) -> Option<&Cached> {
        self.cached.get(&key)
    }

    /// Whether a texture with this serial number is still kept.
    pub(super) fn holds(&self, key: Key, serial: u64) -> bool {
        self.get(key).is_some_and(|cached| cached.serial == serial)
    }
}
