//! Each kind of change by hand: which days it touches, and that no other is made anew.
