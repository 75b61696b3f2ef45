//! Triangles of the window as pixels, by the rules of graphics cards: a pixel belongs to a triangle when its centre lies in
//! it, or on its upper or left edge; colours and places in textures change evenly across it.

use egui::epaint::Vertex;
use egui::{Color32, Mesh, Rect};

use super::spans::{Paint, Plane};
use super::textures::Texture;

/// A pixel of the screen: red, green, blue and 255.
pub(super) type Pixel = [u8; 4];

/// Parts of a pixel in which corners are measured: cards use 256.
const SUBPIXELS: f64 = 256.0;

/// A rectangle of whole pixels; empty where `to` is not beyond `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// First column and row.
    pub(super) from: [usize; 2],
    /// Column and row after the last.
    pub(super) to: [usize; 2],
}

impl Bounds {
    pub(super) fn is_empty(&self) -> bool {
        self.to[0] <= self.from[0] || self.to[1] <= self.from[1]
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            from: std::array::from_fn(|axis| self.from[axis].max(other.from[axis])),
            to: std::array::from_fn(|axis| self.to[axis].min(other.to[axis])),
        }
    }

    /// Pixels to which drawing is confined, as the window rounds them.
    pub(super) fn of_clip(clip: Rect, pixels_per_point: f32, size_px: [usize; 2]) -> Self {
        let [width, height] = size_px.map(|length| length as f32);
        let on_screen = |corner: egui::Pos2| {
            let place = |value: f32, length: f32| (value * pixels_per_point).round().clamp(0.0, length) as usize;
            [place(corner.x, width), place(corner.y, height)]
        };
        Self { from: on_screen(clip.min), to: on_screen(clip.max) }
    }

    /// Pixels whose centres may lie in the triangle of `corners`, in pixels.
    pub(super) fn of_corners(corners: &[[f32; 2]]) -> Self {
        let mut bounds = Self { from: [usize::MAX; 2], to: [0; 2] };
        for corner in corners {
            for (axis, place) in corner.iter().enumerate() {
                // Corners move by less than half a pixel's part when they are measured.
                bounds.from[axis] = bounds.from[axis].min((place - 0.51).ceil() as usize);
                bounds.to[axis] = bounds.to[axis].max((place + 0.51).floor() as usize);
            }
        }
        bounds
    }
}

/// A line between two corners: a pixel is inside where `a x + b y + c` is not negative, in parts of pixels.
#[derive(Clone, Copy, Debug)]
struct Edge {
    a: f64,
    b: f64,
    c: f64,
}

/// What covers pixels.
#[derive(Debug)]
enum Form {
    /// All of the bounds.
    Rectangle,
    /// What three edges leave of them.
    Triangle([Edge; 3]),
}

/// A rectangle or triangle with its colours.
pub(super) struct Item<'a> {
    /// Pixels that it may cover.
    pub(super) bounds: Bounds,
    form: Form,
    paint: Paint<'a>,
}

impl Item<'_> {
    /// Draws what of it lies in row `y` between the columns `from` and `to` of `pixels`, a whole row.
    pub(super) fn draw_row(&self, y: usize, from: usize, to: usize, pixels: &mut [Pixel]) {
        let (mut from, mut to) = (from.max(self.bounds.from[0]), to.min(self.bounds.to[0]));
        if let Form::Triangle(edges) = &self.form {
            let middle = y as f64 * SUBPIXELS + SUBPIXELS / 2.0;
            for edge in edges {
                // At the centre of column x the edge is a (256 x + 128) + rest.
                let rest = edge.b * middle + edge.c + edge.a * (SUBPIXELS / 2.0);
                if edge.a > 0.0 {
                    from = from.max((-rest / (edge.a * SUBPIXELS)).ceil() as usize);
                } else if edge.a < 0.0 {
                    to = to.min(((rest / (-edge.a * SUBPIXELS)).floor() + 1.0) as usize);
                } else if rest < 0.0 {
                    return;
                }
            }
        }
        if from < to {
            self.paint.draw([from, y], &mut pixels[from..to]);
        }
    }
}

/// Triangles of a mesh whose places are measured in pixels.
pub(super) struct MeshPx<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) clip: Bounds,
    pub(super) pixels_per_point: f32,
    pub(super) texture: Option<&'a Texture>,
}

impl<'a> MeshPx<'a> {
    /// Everything of the mesh that covers pixels where `is_wanted` says that some are wanted, in order.
    pub(super) fn items(&self, is_wanted: &impl Fn(&Bounds) -> bool, items: &mut Vec<Item<'a>>) {
        let Some(texture) = self.texture else { return };
        let triangles: (&[[u32; 3]], _) = self.mesh.indices.as_chunks();
        let mut triangles = triangles.0;
        while let Some((first, rest)) = triangles.split_first() {
            triangles = rest;
            let Some(corners) = self.corners(*first) else { continue };
            let second = rest.first().and_then(|second| self.rectangle(*first, *second, &corners));
            if let Some(last) = second {
                triangles = &rest[1..];
                if let Some(item) = self.rectangle_item(&[corners[0], last], texture, is_wanted) {
                    items.push(item);
                }
            } else if let Some(item) = self.triangle_item(corners, texture, is_wanted) {
                items.push(item);
            }
        }
    }

    fn corners(&self, indices: [u32; 3]) -> Option<[Vertex; 3]> {
        let vertices = &self.mesh.vertices;
        let [a, b, c] = indices.map(|index| vertices.get(index as usize).copied());
        Some([a?, b?, c?])
    }

    /// The corner opposite to the first where two triangles are an upright rectangle of one colour.
    #[expect(clippy::float_cmp, reason = "corners of a rectangle have the very same numbers")]
    fn rectangle(&self, first: [u32; 3], second: [u32; 3], [a, b, c]: &[Vertex; 3]) -> Option<Vertex> {
        if second[0] != first[2] || second[1] != first[1] {
            return None;
        }
        let d = self.mesh.vertices.get(second[2] as usize)?;
        let is_upright = a.pos.y == b.pos.y && c.pos.y == d.pos.y && a.pos.x == c.pos.x && b.pos.x == d.pos.x;
        let is_even = a.uv.y == b.uv.y && c.uv.y == d.uv.y && a.uv.x == c.uv.x && b.uv.x == d.uv.x;
        let is_plain = a.color == b.color && a.color == c.color && a.color == d.color;
        let is_forward = a.pos.x < d.pos.x && a.pos.y < d.pos.y;
        (is_upright && is_even && is_plain && is_forward).then_some(*d)
    }

    fn place_px(&self, vertex: &Vertex) -> [f32; 2] {
        [vertex.pos.x * self.pixels_per_point, vertex.pos.y * self.pixels_per_point]
    }

    fn rectangle_item(
        &self,
        corners: &[Vertex; 2],
        texture: &'a Texture,
        is_wanted: &impl Fn(&Bounds) -> bool,
    ) -> Option<Item<'a>> {
        let [from, to] = [&corners[0], &corners[1]].map(|corner| self.place_px(corner).map(measured));
        // A centre on the left or upper edge belongs to it, one on the others does not.
        let first = |place: f64| (place / SUBPIXELS - 0.5).ceil() as usize;
        let bounds = Bounds { from: from.map(first), to: to.map(first) }.and(&self.clip);
        if bounds.is_empty() || !is_wanted(&bounds) {
            return None;
        }
        let origin = from.map(|place| place / SUBPIXELS);
        let size = texture.size();
        let texel = |corner: &Vertex| [corner.uv.x * size[0] as f32, corner.uv.y * size[1] as f32];
        let [start, end] = [texel(&corners[0]), texel(&corners[1])];
        let places: [Plane<1>; 2] = std::array::from_fn(|axis| {
            let step = f64::from(end[axis] - start[axis]) / ((to[axis] - from[axis]) / SUBPIXELS);
            let steps = if axis == 0 { [step, 0.0] } else { [0.0, step] };
            Plane::new(origin, [f64::from(start[axis])], [steps])
        });
        let tint = Plane::constant(channels(corners[0].color));
        Some(Item { bounds, form: Form::Rectangle, paint: Paint::new(texture, tint, places)? })
    }

    fn triangle_item(
        &self,
        mut corners: [Vertex; 3],
        texture: &'a Texture,
        is_wanted: &impl Fn(&Bounds) -> bool,
    ) -> Option<Item<'a>> {
        let bounds = Bounds::of_corners(&[0, 1, 2].map(|index| self.place_px(&corners[index]))).and(&self.clip);
        if bounds.is_empty() || !is_wanted(&bounds) {
            return None;
        }
        let mut places = [0, 1, 2].map(|index| self.place_px(&corners[index]).map(measured));
        let area = |[a, b, c]: [[f64; 2]; 3]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        let mut twice_area = area(places);
        if twice_area < 0.0 {
            corners.swap(1, 2);
            places.swap(1, 2);
            twice_area = -twice_area;
        }
        // Places that are no numbers have no area.
        if twice_area.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        let edges = [0, 1, 2].map(|index| {
            let ([x, y], [next_x, next_y]) = (places[index], places[(index + 1) % 3]);
            let [dx, dy] = [next_x - x, next_y - y];
            let is_upper_or_left = dy < 0.0 || (dy == 0.0 && dx > 0.0);
            Edge { a: -dy, b: dx, c: dy * x - dx * y - if is_upper_or_left { 0.0 } else { 1.0 } }
        });
        let origin = places[0].map(|place| place / SUBPIXELS);
        let sides = [1, 2].map(|index| places[index].map(|place| place / SUBPIXELS));
        let determinant = twice_area / (SUBPIXELS * SUBPIXELS);
        let steps = |values: [f32; 3]| {
            let [first, second] = [1, 2].map(|index| f64::from(values[index]) - f64::from(values[0]));
            let [p, q] = sides.map(|side| [side[0] - origin[0], side[1] - origin[1]]);
            [(first * q[1] - second * p[1]) / determinant, (second * p[0] - first * q[0]) / determinant]
        };
        let size = texture.size();
        let texels = corners.map(|corner| [corner.uv.x * size[0] as f32, corner.uv.y * size[1] as f32]);
        let uv: [Plane<1>; 2] = std::array::from_fn(|axis| {
            let values = texels.map(|texel| texel[axis]);
            Plane::new(origin, [f64::from(values[0])], [steps(values)])
        });
        let colours = corners.map(|corner| channels(corner.color));
        let tint = if corners[1..].iter().all(|corner| corner.color == corners[0].color) {
            Plane::constant(colours[0])
        } else {
            let slopes = std::array::from_fn(|channel| steps(colours.map(|colour| colour[channel])));
            Plane::new(origin, colours[0].map(f64::from), slopes)
        };
        Some(Item { bounds, form: Form::Triangle(edges), paint: Paint::new(texture, tint, uv)? })
    }
}

/// A place in parts of pixels, rounded to a whole one.
fn measured(place_px: f32) -> f64 {
    (f64::from(place_px) * SUBPIXELS).round()
}

fn channels(colour: Color32) -> [f32; 4] {
    colour.to_array().map(f32::from)
}

#[cfg(test)]
mod tests {
    use egui::epaint::{ImageDelta, TextureId};
    use egui::{ColorImage, TextureOptions, TexturesDelta, pos2};

    use super::super::textures::Textures;
    use super::*;

    const SIDE: usize = 16;

    /// Draws a mesh without texture on black.
    fn drawn(mesh: &Mesh) -> Vec<Pixel> {
        let mut delta = TexturesDelta::default();
        let white = ColorImage::filled([1, 1], Color32::WHITE);
        delta.push(TextureId::default(), ImageDelta::full(white, TextureOptions::LINEAR));
        let mut textures = Textures::default();
        textures.apply(&mut delta);
        let clip = Bounds { from: [0; 2], to: [SIDE; 2] };
        let texture = textures.get(TextureId::default());
        let mut items = Vec::new();
        MeshPx { mesh, clip, pixels_per_point: 1.0, texture }.items(&|_| true, &mut items);
        let mut pixels = vec![[0, 0, 0, 255]; SIDE * SIDE];
        for (y, row) in pixels.chunks_mut(SIDE).enumerate() {
            for item in items.iter().filter(|item| (item.bounds.from[1]..item.bounds.to[1]).contains(&y)) {
                item.draw_row(y, 0, SIDE, row);
            }
        }
        pixels
    }

    fn mesh(corners: &[[f32; 2]], triangles: &[u32], colour: Color32) -> Mesh {
        let mut mesh = Mesh::default();
        for corner in corners {
            mesh.colored_vertex(pos2(corner[0], corner[1]), colour);
        }
        mesh.indices = triangles.to_vec();
        mesh
    }

    #[test]
    fn triangles_that_share_edges_cover_each_pixel_once() {
        // Corners and edges run through centres of pixels, where it is decided who owns them.
        let corners = [[0.5, 0.5], [12.5, 0.5], [0.5, 12.5], [12.5, 12.5], [6.5, 6.5], [15.5, 7.5]];
        let triangles = [0, 1, 4, 4, 1, 3, 0, 4, 2, 2, 4, 3, 1, 5, 3];
        let translucent = Color32::from_rgba_premultiplied(100, 0, 0, 0);
        for flip in [false, true] {
            let mut indices = triangles.to_vec();
            if flip {
                indices.chunks_mut(3).for_each(|triangle| triangle.swap(0, 2));
            }
            let pixels = drawn(&mesh(&corners, &indices, translucent));
            assert!(pixels.iter().all(|pixel| pixel[0] == 0 || pixel[0] == 100), "no pixel is drawn twice");
            let covered = pixels.iter().filter(|pixel| pixel[0] == 100).count();
            // The square owns 12 x 12 centres; the triangle at its right 3 columns that become shorter.
            assert_eq!(covered, 144 + area_by_hand(&[[12.5, 0.5], [15.5, 7.5], [12.5, 12.5]]));
        }
    }

    /// Centres strictly inside, and those on the left edge, which is upright here.
    fn area_by_hand(corners: &[[f64; 2]; 3]) -> usize {
        let side =
            |a: [f64; 2], b: [f64; 2], p: [f64; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
        let centres = (0..SIDE * SIDE).map(|index| [(index % SIDE) as f64 + 0.5, (index / SIDE) as f64 + 0.5]);
        let [a, b, c] = *corners;
        let is_inside = |p: [f64; 2]| side(a, b, p) > 0.0 && side(b, c, p) > 0.0 && side(c, a, p) >= 0.0;
        centres.filter(|p| is_inside(*p)).count()
    }

    #[test]
    fn a_rectangle_is_the_same_as_its_two_triangles() {
        let corners = [[1.3, 2.5], [9.5, 2.5], [1.3, 8.7], [9.5, 8.7]];
        let colour = Color32::from_rgba_premultiplied(10, 120, 30, 128);
        let rectangle = drawn(&mesh(&corners, &[0, 1, 2, 2, 1, 3], colour));
        let triangles = drawn(&mesh(&corners, &[0, 1, 2, 3, 2, 1], colour));
        assert_eq!(rectangle, triangles);
        assert_eq!(rectangle.iter().filter(|pixel| pixel[1] == 120).count(), 8 * 7);
    }

    #[test]
    fn colours_change_evenly_between_corners() {
        let mut mesh = mesh(&[[0.0, 0.0], [16.0, 0.0], [0.0, 16.0], [16.0, 16.0]], &[0, 1, 2, 2, 1, 3], Color32::BLACK);
        mesh.vertices[1].color = Color32::from_rgb(255, 0, 0);
        mesh.vertices[3].color = Color32::from_rgb(255, 0, 255);
        mesh.vertices[2].color = Color32::from_rgb(0, 0, 255);
        let pixels = drawn(&mesh);
        for (index, pixel) in pixels.iter().enumerate() {
            let [x, y] = [index % SIDE, index / SIDE].map(|place| (place as f64 + 0.5) / 16.0 * 255.0);
            assert!((f64::from(pixel[0]) - x).abs() <= 0.51 && (f64::from(pixel[2]) - y).abs() <= 0.51, "{pixel:?}");
        }
    }

    #[test]
    fn broken_meshes_draw_nothing() {
        let nan = mesh(&[[f32::NAN, 0.0], [5.0, 0.0], [0.0, 5.0]], &[0, 1, 2], Color32::WHITE);
        let huge = mesh(&[[f32::INFINITY, 0.0], [5.0, 0.0], [0.0, 5.0]], &[0, 1, 2], Color32::WHITE);
        let wild = mesh(&[[0.0, 0.0], [5.0, 0.0]], &[0, 1, 7, 1], Color32::WHITE);
        for mesh in [nan, huge, wild] {
            assert!(drawn(&mesh).iter().all(|pixel| *pixel == [0, 0, 0, 255]));
        }
    }
}
