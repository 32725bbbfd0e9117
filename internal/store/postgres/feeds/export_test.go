package feeds

// Following is the query of a feed.
const Following = following
