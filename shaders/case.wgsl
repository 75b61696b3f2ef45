// A radiograph with a map over it, or with two blended into each other. Twin: src/display/compositor.rs.

@group(0) @binding(4) var first_map: texture_2d<f32>;
@group(0) @binding(5) var other_map: texture_2d<f32>;

fn first_at(image: vec2<f32>) -> f32 {
    let taps = taps_at(image, textureDimensions(first_map), view.flags.w == 1u);
    let corners = vec4<f32>(
        textureLoad(first_map, taps.near, 0).x,
        textureLoad(first_map, vec2<i32>(taps.far.x, taps.near.y), 0).x,
        textureLoad(first_map, vec2<i32>(taps.near.x, taps.far.y), 0).x,
        textureLoad(first_map, taps.far, 0).x,
    );
    return present_mix(corners, taps.part);
}

fn other_at(image: vec2<f32>) -> f32 {
    let taps = taps_at(image, textureDimensions(other_map), view.flags.w == 1u);
    let corners = vec4<f32>(
        textureLoad(other_map, taps.near, 0).x,
        textureLoad(other_map, vec2<i32>(taps.far.x, taps.near.y), 0).x,
        textureLoad(other_map, vec2<i32>(taps.near.x, taps.far.y), 0).x,
        textureLoad(other_map, taps.far, 0).x,
    );
    return present_mix(corners, taps.part);
}

@fragment
fn case_picture(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let screen = screen_of(position);
    if is_outside_lens(screen) {
        discard;
    }
    let image = image_of(screen);
    if !is_inside(image) {
        return vec4<f32>(0.0, 0.0, 0.0, 1.0);
    }
    let gray = gray_at(image);
    if view.flags.z == 0u {
        return vec4<f32>(vec3<f32>(gray), 1.0);
    }
    var value = first_at(image);
    if view.flags.z == 2u {
        value = faded(value, other_at(image), view.original.z);
    }
    return painted(gray, value);
}
