// inr export photo.inr -o photo.c; cc -O2 picture.c -o picture -lm; ./picture 768 512 > photo.ppm
#include "photo.c"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
  int width = count > 1 ? atoi(words[1]) : 96, height = count > 2 ? atoi(words[2]) : 64;
  printf("P6 %d %d 255\n", width, height);
  for (int row = 0; row < height; row++)
    for (int column = 0; column < width; column++) {
      float coords[2] = {(2 * column + 1.f) / width - 1, (2 * row + 1.f) / height - 1}, values[field_outputs];
      field(coords, values);
      for (int channel = 0; channel < 3; channel++) {
        float value = values[field_outputs == 3 ? channel : 0];
        putchar(value < 0 ? 0 : value > 255 ? 255 : (int)(value + .5f));
      }
    }
  return 0;
}
