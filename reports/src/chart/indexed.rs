//! A bitmap as a PNG of at most 256 colours: a chart has a dozen and the shades between them at
//! the edges of letters, and a letter by mail should be small.

use std::collections::BTreeMap;

use super::ChartError;
use super::canvas::failed;

type Colour = [u8; 3];

/// Colours of an indexed PNG.
const MOST: usize = 256;

/// The file of a bitmap of three bytes a pixel.
pub(super) fn png(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, ChartError> {
    let colours = || pixels.as_chunks::<3>().0.iter().copied();
    let mut counts: BTreeMap<Colour, u32> = BTreeMap::new();
    for (colour, run) in runs(colours()) {
        *counts.entry(colour).or_default() += run;
    }
    let mut ranked: Vec<(Colour, u32)> = counts.into_iter().collect();
    ranked.sort_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
    let palette: Vec<Colour> = ranked.iter().take(MOST).map(|(colour, _)| *colour).collect();
    // The rarest shades become their nearest neighbours: nobody sees which.
    let places: BTreeMap<Colour, u8> =
        ranked.iter().map(|(colour, _)| (*colour, nearest(&palette, *colour))).collect();
    let mut indices = Vec::with_capacity(pixels.len() / 3);
    for (colour, run) in runs(colours()) {
        indices.extend(std::iter::repeat_n(places[&colour], run as usize));
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::Balanced);
    // Indices are no amounts: differences between them compress worse than they do.
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header().and_then(|mut it| it.write_image_data(&indices)).map_err(failed)?;
    Ok(file)
}

/// Equal neighbours together: most of a chart is ground.
fn runs(colours: impl Iterator<Item = Colour>) -> impl Iterator<Item = (Colour, u32)> {
    let mut colours = colours.peekable();
    std::iter::from_fn(move || {
        let colour = colours.next()?;
        let mut run = 1;
        while colours.next_if_eq(&colour).is_some() {
            run += 1;
        }
        Some((colour, run))
    })
}

/// The place of the colour that differs least.
fn nearest(palette: &[Colour], colour: Colour) -> u8 {
    let distance = |other: &Colour| -> u32 {
        other.iter().zip(colour).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let nearest = palette.iter().enumerate().min_by_key(|(_, other)| distance(other));
    nearest.and_then(|(place, _)| u8::try_from(place).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels of a file, through its palette.
    fn read(file: &[u8]) -> Vec<u8> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels
    }

    #[test]
    fn few_colours_stay_as_they_are_and_of_many_the_rare_become_their_neighbours() {
        let few: Vec<u8> = [[255, 255, 255], [47, 111, 222], [255, 255, 255], [0, 0, 0]].concat();
        assert_eq!(read(&png(&few, (2, 2)).unwrap()), few);
        // 300 greys and blues, the first of them often.
        let many: Vec<u8> = (0..300_u32)
            .flat_map(|n| [(n % 256) as u8, (n % 256) as u8, (n / 256 * 9) as u8])
            .chain([0, 0, 0].repeat(300))
            .collect();
        let back = read(&png(&many, (30, 20)).unwrap());
        assert_eq!(back[900..], many[900..], "what is frequent stays");
        // The first 256 in order are kept; greys 212 to 255 become the 211th.
        let worst = back.iter().zip(&many).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert_eq!(worst, 44);
    }
}
