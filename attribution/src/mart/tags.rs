//! The tags that charges carry.

use super::{Mart, MartError};

impl Mart {
    /// Folded keys of tags, those that most sets of tags have first; at most `most`.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn tag_keys(&self, most: usize) -> Result<Vec<String>, MartError> {
        let sql = format!("select key from stg_tags group by key order by count(*) desc, key limit {most}");
        self.ask("list the tags of", &sql, Vec::new(), |row| row.text(0))
    }
}
