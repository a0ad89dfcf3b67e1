"""FREE: how files come to be, by quantisation-aware fitting, step allocation and second-order refinement.

Nothing here is needed to decode, and all of it may change as long as `bitstream` can read what comes out.
"""
